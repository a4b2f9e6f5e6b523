/** A JSON value as it comes from `JSON.parse`. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject

/** A JSON object whose members are unknown to us: users' own content, metadata, audit details. */
export type JsonObject = { readonly [name: string]: JsonValue }

/** True for objects that are neither null nor an array. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
