import { isJsonObject, type JsonObject, type JsonValue } from '../../core/json.ts'
import { fail, failPlainly } from './kuzzle-errors.ts'

/** How a request came. Over HTTP all arguments may be text. */
export type Protocol = 'http' | 'websocket' | 'mqtt'

/** What surrounds a request on its way. */
export type RequestContext = {
  readonly protocol: Protocol
  /** Absent where the carrier has none or does not know. */
  readonly address?: string
  /** Somebody on this very host asks: as far as can be seen no proxy stands between, and no website is behind it. */
  readonly local: boolean
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  /** Whether nobody waits for the answer any more; absent where requests are made without waiting. */
  readonly isGone?: () => boolean
}

/** How a query language is called in `lang`. */
export type QueryLanguage = 'elasticsearch' | 'koncorde'

type Members = {
  readonly controller: string | undefined
  readonly action: string | undefined
  readonly requestId: string
  readonly jwt: string | undefined
  readonly volatile: JsonObject | undefined
  readonly body: JsonObject | readonly JsonValue[] | undefined
  readonly args: ReadonlyMap<string, JsonValue>
}

/**
 * One request in Kuzzle's language, whatever carried it.
 *
 * The getters read one argument each and refuse it in Kuzzle's words: `api.assert.missing_argument`,
 * `api.assert.invalid_type`, `api.assert.body_required`, `api.assert.invalid_argument`. Names in those of the body
 * start with `body.`. null counts as absent in the optional ones only where it says so.
 */
export class KuzzleRequest {
  /** Absent or empty: the request names none. */
  readonly controller: string | undefined
  readonly action: string | undefined
  readonly requestId: string
  /** The token as sent; undefined: none. An empty text is a token, and a bad one. */
  readonly jwt: string | undefined
  readonly volatile: JsonObject | undefined
  readonly body: JsonObject | readonly JsonValue[] | undefined
  /** Every member of the request that has no meaning of its own. */
  readonly args: ReadonlyMap<string, JsonValue>
  readonly context: RequestContext

  constructor(members: Members, context: RequestContext) {
    this.controller = members.controller
    this.action = members.action
    this.requestId = members.requestId
    this.jwt = members.jwt
    this.volatile = members.volatile
    this.body = members.body
    this.args = members.args
    this.context = context
  }

  get protocol(): Protocol {
    return this.context.protocol
  }

  /** The data index that the request names. */
  get index(): string | undefined {
    return this.#nameOfData('index')
  }

  /** The data collection that the request names. */
  get collection(): string | undefined {
    return this.#nameOfData('collection')
  }

  /** The places that the request names instead of one index and collection. */
  get targets(): readonly { readonly index: string; readonly collections: readonly string[] }[] {
    const targets = this.args.get('targets') ?? []
    if (!Array.isArray(targets)) return wrongType('targets', 'array')
    return targets.map(parseTarget)
  }

  /** A text that must be there; may be empty. */
  string(name: string): string {
    return this.optionalString(name) ?? fail('api.assert.missing_argument', name)
  }

  /** A text, or undefined when absent; null is refused. */
  optionalString(name: string): string | undefined {
    const value = this.args.get(name)
    return value === undefined || typeof value === 'string' ? value : wrongType(name, 'string')
  }

  /** A whole number, also as text. */
  integer(name: string, fallback: number): number {
    const value = this.args.get(name)
    if (value === undefined) return fallback
    const number = typeof value === 'string' && WHOLE_NUMBER.test(value) ? Number(value) : value
    return typeof number === 'number' && Number.isSafeInteger(number) ? number : wrongType(name, 'integer')
  }

  /**
   * A switch, off when absent or null (kuzzle-sdk sends `force: null`). Over HTTP, where arguments are texts, it is on
   * when present, whatever its text, as in Kuzzle; but neither the text `false` nor a JSON `false` (in the body of
   * `/_query`) switches anything on, as they do there.
   */
  boolean(name: string): boolean {
    const value = this.args.get(name)
    if (value === undefined || value === null) return false
    if (this.protocol === 'http') return value !== false && value !== 'false'
    return typeof value === 'boolean' ? value : wrongType(name, 'boolean')
  }

  /** `_id`, which must be there; empty, null and 0 count as missing. */
  id(): string {
    return this.optionalId() ?? fail('api.assert.missing_argument', '_id')
  }

  /** `_id`, or undefined when it is missing. */
  optionalId(): string | undefined {
    const value = this.args.get('_id')
    if (!value) return undefined
    return typeof value === 'string' ? value : wrongType('_id', 'string')
  }

  /** When a change must be seen by searches. Here it always is at once, so that both answers are kept. */
  refresh(fallback: 'wait_for' | 'false'): 'wait_for' | 'false' {
    const value = this.args.get('refresh')
    if (value === undefined) return fallback
    return value === false || value === 'false' || value === null ? 'false' : 'wait_for'
  }

  /** The query language of a search. */
  lang(): QueryLanguage {
    const value = this.optionalString('lang') ?? 'elasticsearch'
    if (value === 'elasticsearch' || value === 'koncorde') return value
    return fail('api.assert.invalid_argument', 'lang', '"elasticsearch" or "koncorde"')
  }

  /**
   * A list of texts among the arguments. A text stands for a list too: over HTTP as a JSON array, else, and over the
   * other carriers, with commas between the items.
   */
  list(name: string): readonly string[] | undefined {
    const value = this.args.get(name)
    if (value === undefined) return undefined
    if (typeof value === 'string') return this.#splitList(name, value)
    return isListOfStrings(value) ? value : wrongType(name, 'array')
  }

  /** `ids` of the body or, as older clients send it, of the arguments. */
  ids(): readonly string[] {
    if (isJsonObject(this.body) && own(this.body, 'ids') !== undefined) return this.bodyStrings('ids')
    return (
      this.list('ids') ?? fail('api.assert.missing_argument', this.body === undefined ? 'ids' : 'body.ids')
    )
  }

  /** The whole body, which must be an object. */
  bodyObjectWhole(): JsonObject {
    if (this.body === undefined) return fail('api.assert.body_required')
    return isJsonObject(this.body) ? this.body : wrongType('body', 'object')
  }

  /** A text in the body. Without `fallback` it must be there. */
  bodyString(name: string, fallback?: string): string {
    const value = this.#bodyMember(name, fallback)
    return typeof value === 'string' ? value : wrongType(`body.${name}`, 'string')
  }

  /** An object in the body. Without `fallback` it must be there. */
  bodyObject(name: string, fallback?: JsonObject): JsonObject {
    const value = this.#bodyMember(name, fallback)
    return isJsonObject(value) ? value : wrongType(`body.${name}`, 'object')
  }

  /** A list in the body. Without `fallback` it must be there. */
  bodyArray(name: string, fallback?: readonly JsonValue[]): readonly JsonValue[] {
    const value = this.#bodyMember(name, fallback)
    return Array.isArray(value) ? value : wrongType(`body.${name}`, 'array')
  }

  /** A list of texts in the body. Without `fallback` it must be there. */
  bodyStrings(name: string, fallback?: readonly string[]): readonly string[] {
    const list = this.bodyArray(name, fallback)
    return isListOfStrings(list) ? list : wrongType(`body.${name}`, 'string[]')
  }

  #bodyMember(name: string, fallback: JsonValue | undefined): JsonValue {
    const member = isJsonObject(this.body) ? own(this.body, name) : undefined
    if (member !== undefined) return member
    if (fallback !== undefined) return fallback
    return this.body === undefined
      ? fail('api.assert.body_required')
      : fail('api.assert.missing_argument', `body.${name}`)
  }

  #nameOfData(name: 'index' | 'collection'): string | undefined {
    const value = this.args.get(name)
    if (value === undefined || value === null) return undefined
    return typeof value === 'string' ? value : wrongType(name, 'string')
  }

  #splitList(name: string, text: string): readonly string[] {
    if (this.protocol === 'http' && text.startsWith('[')) {
      const list = parseJson(text)
      if (list !== undefined) return isListOfStrings(list) ? list : wrongType(name, 'array')
    }
    return text.split(',')
  }
}

const WHOLE_NUMBER = /^[+-]?\d{1,16}$/

/** Members of a request that are no arguments. */
const MEMBERS: ReadonlySet<string> = new Set(['controller', 'action', 'requestId', 'jwt', 'volatile', 'body'])

/** Whether a member of that name is an argument, and not one of a request's own members. */
export function isArgument(name: string): boolean {
  return !MEMBERS.has(name)
}

/**
 * Reads a request from what a client sent as JSON.
 *
 * `requestId` is used when the message has none.
 *
 * @throws {KuzzleError} of status 400 without `id` when one of its members is of the wrong type.
 */
export function parseRequest(message: JsonObject, requestId: string, context: RequestContext): KuzzleRequest {
  const members = {
    controller: optionalText(message, 'controller'),
    action: optionalText(message, 'action'),
    requestId: readRequestId(message) ?? requestId,
    jwt: optionalText(message, 'jwt'),
    volatile: parseVolatile(own(message, 'volatile')),
    body: parseBody(own(message, 'body')),
    args: new Map(Object.entries(message).filter(([name]) => isArgument(name))),
  }
  return new KuzzleRequest(members, context)
}

/**
 * The id by which a client knows its request, when it gave one.
 *
 * @throws {KuzzleError} of status 400 without `id` when it is no text.
 */
export function readRequestId(message: JsonObject): string | undefined {
  const value = own(message, 'requestId')
  if (!value) return undefined
  return typeof value === 'string' ? value : failPlainly(400, 'Attribute requestId must be of type "string"')
}

/** A value that a request may carry as `volatile`. @throws {KuzzleError} of status 400 without `id`. */
export function parseVolatile(value: JsonValue | undefined): JsonObject | undefined {
  if (value === undefined || value === null) return undefined
  return isJsonObject(value) ? value : failPlainly(400, 'Attribute volatile must be of type "object"')
}

/** A value that a request may carry as `body`. @throws {KuzzleError} of status 400 without `id`. */
export function parseBody(value: JsonValue | undefined): JsonObject | readonly JsonValue[] | undefined {
  if (value === undefined || value === null) return undefined
  if (Array.isArray(value) || isJsonObject(value)) return value
  return failPlainly(400, 'Attribute body must be of type "object" or "array"')
}

function optionalText(message: JsonObject, name: string): string | undefined {
  const value = own(message, name)
  if (value === undefined || value === null) return undefined
  return typeof value === 'string' ? value : failPlainly(400, `Attribute ${name} must be of type "string"`)
}

function own(message: JsonObject, name: string): JsonValue | undefined {
  return Object.hasOwn(message, name) ? message[name] : undefined
}

function parseTarget(target: JsonValue): { index: string; collections: readonly string[] } {
  if (!isJsonObject(target)) return wrongType('targets', 'array of objects')
  const index = own(target, 'index')
  const collections = own(target, 'collections') ?? []
  if (typeof index !== 'string') return wrongType('targets.index', 'string')
  if (!isListOfStrings(collections)) return wrongType('targets.collections', 'array')
  return { index, collections }
}

function isListOfStrings(value: JsonValue): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string')
}

function wrongType(name: string, expected: string): never {
  return fail('api.assert.invalid_type', name, expected)
}

function parseJson(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
