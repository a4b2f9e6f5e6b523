import { isJsonObject } from '../../core/json.ts'
import type { KnoxRequest } from './knox-request.ts'

/**
 * Parameters of a request: those of the query string, then those of a form or JSON body that it does not name. The first
 * of several values counts, as in Knox, which never looks at bodies. Undefined: the body should be a JSON object and is
 * none, so that nobody knows what was asked for.
 *
 * @throws {KnoxRefusal} when the body cannot be had.
 */
export async function requestParameters(
  request: KnoxRequest,
): Promise<ReadonlyMap<string, string> | undefined> {
  const { text, form } = await request.body()
  const inBody = isJson(request, text) ? jsonParameters(text) : (form ?? [])
  if (inBody === undefined) return undefined
  const given = new Map<string, string>()
  for (const [name, value] of [...request.query, ...inBody]) {
    if (!given.has(name)) given.set(name, value)
  }
  return given
}

/** By its type or, since many clients call everything a form, its looks. */
function isJson({ http }: KnoxRequest, text: string): boolean {
  if (text.trim() === '') return false
  const type = http.headers['content-type']
  return text.trimStart().startsWith('{') || (typeof type === 'string' && JSON_TYPE.test(type))
}

const JSON_TYPE = /^application\/json\s*(?:;|$)/i

/** Members that are no plain values are none of ours. */
function jsonParameters(text: string): Iterable<[string, string]> | undefined {
  try {
    const body: unknown = JSON.parse(text)
    if (!isJsonObject(body)) return undefined
    return Object.entries(body).flatMap(([name, value]): [string, string][] =>
      typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
        ? [[name, String(value)]]
        : [],
    )
  } catch {
    return undefined
  }
}
