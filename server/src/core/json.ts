/** A JSON value as it comes from `JSON.parse`. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject

/** A JSON object whose members are unknown to us: users' own content, metadata, audit details. */
export type JsonObject = { readonly [name: string]: JsonValue }

/** A value of ours, plain data all through, as JSON: what is absent is left out. */
export function asJson(value: object): JsonObject {
  return JSON.parse(JSON.stringify(value))
}

/** Whether both are the same plain data, whatever the order of their members. */
export function isSameData(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, index) => isSameData(item, b[index]))
  }
  if (!isJsonObject(a) || !isJsonObject(b)) return false
  const names = Object.keys(a)
  if (names.length !== Object.keys(b).length) return false
  return names.every((name) => Object.hasOwn(b, name) && isSameData(a[name], b[name]))
}

/** True for objects that are neither null nor an array. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
