import type { JsonValue } from './json.ts'

/** Deepest nesting of what clients send: far beyond any use, and safe to walk through by recursion. */
export const JSON_DEPTH_MAX = 100

/**
 * A JSON text that was read, or why it could not be; `detail` may quote the text and must not be logged. What is
 * only too deep still has its `value`, to find out who asked.
 */
export type ParsedJson =
  | { readonly ok: true; readonly value: JsonValue }
  | { readonly ok: false; readonly detail: string; readonly value?: JsonValue }

/** Reads a JSON text of bounded depth. */
export function parseJson(text: string): ParsedJson {
  let value: JsonValue
  try {
    value = JSON.parse(text)
  } catch (error) {
    return { ok: false, detail: error instanceof Error ? error.message : 'not valid JSON' }
  }
  // Each level takes two characters at least.
  if (text.length > 2 * JSON_DEPTH_MAX && isDeeperThan(value, JSON_DEPTH_MAX)) {
    return { ok: false, value, detail: `nested deeper than ${JSON_DEPTH_MAX} levels` }
  }
  return { ok: true, value }
}

function isDeeperThan(value: JsonValue, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  if (levels === 0) return true
  return Object.values(value).some((member: JsonValue) => isDeeperThan(member, levels - 1))
}
