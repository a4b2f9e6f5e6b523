import { isJsonObject, type JsonObject } from '../../core/json.ts'
import type { Outcome } from './scenario-client.ts'

/** An answer with its JSON read. */
export type ServerAnswer = { readonly status: number; readonly json: JsonObject }

/** Sends a request over HTTP, with a token and a JSON body if there are any. */
export async function askServer(
  url: string,
  method: string,
  how: { readonly as?: string; readonly body?: object } = {},
): Promise<ServerAnswer> {
  const response = await fetch(url, {
    method,
    headers: {
      ...(how.as !== undefined && { authorization: `Bearer ${how.as}` }),
      ...(how.body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(how.body !== undefined && { body: JSON.stringify(how.body) }),
  })
  const text = await response.text()
  const json: unknown = text === '' ? {} : JSON.parse(text)
  if (!isJsonObject(json)) throw new Error(`${method} ${url} answered no object`)
  return { status: response.status, json }
}

/** What an answer gives when it is one of success. */
export function outcomeOf<T>({ status, json }: ServerAnswer, read: (json: JsonObject) => T): Outcome<T> {
  return status < 300 ? { done: read(json) } : { refused: status }
}

/** A member that must be a text. */
export function textOf(json: JsonObject, name: string): string {
  const value = json[name]
  if (typeof value === 'string') return value
  throw new Error(`"${name}" is no text`)
}

/** A member that must be an object. */
export function objectOf(json: JsonObject, name: string): JsonObject {
  const value = json[name]
  if (isJsonObject(value)) return value
  throw new Error(`"${name}" is no object`)
}

/** The texts that the objects of a list have under a name. */
export function textsOf(json: JsonObject, list: string, name: string): readonly string[] {
  const items = json[list]
  if (!Array.isArray(items)) throw new Error(`"${list}" is no list`)
  return items.map((item: unknown) => textOf(isJsonObject(item) ? item : {}, name))
}
