import { isJsonObject } from '../../core/json.ts'
import type { KnoxRequest } from './knox-request.ts'

/**
 * Parameters of a request: those of the query string, then those of a form or JSON body that it does not name. The first
 * of several values counts, as in Knox, which never looks at bodies.
 *
 * @throws {KnoxRefusal} when the body cannot be had.
 */
export async function requestParameters(request: KnoxRequest): Promise<ReadonlyMap<string, string>> {
  const { text, form } = await request.body()
  const given = new Map<string, string>()
  for (const [name, value] of [...request.query, ...(form ?? jsonParameters(text))]) {
    if (!given.has(name)) given.set(name, value)
  }
  return given
}

/** A body that is no object is none of ours, and so are its members that are no plain values. */
function jsonParameters(text: string): Iterable<[string, string]> {
  if (!text.trimStart().startsWith('{')) return []
  try {
    const body: unknown = JSON.parse(text)
    if (!isJsonObject(body)) return []
    return Object.entries(body).flatMap(([name, value]): [string, string][] =>
      typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
        ? [[name, String(value)]]
        : [],
    )
  } catch {
    return []
  }
}
