import { parse as parseQuery } from 'node:querystring'
import type { JsonValue } from '../../core/json.ts'
import { parseJson } from '../../core/json-text.ts'
import type { Body, BodyProblem, HttpRequest } from '../../transports/http/http-message.ts'
import { hasBody } from '../../transports/http/request-head.ts'
import { fail } from './kuzzle-errors.ts'
import { parseMultipart } from './multipart.ts'
import type { KuzzleSettings } from './server-facts.ts'

/** Most fields of a form or query string; further ones are ignored. */
export const FIELDS_MAX = 1_000

/**
 * The body of an HTTP request as JSON; undefined when there is none.
 *
 * Forms become objects. Kuzzle takes `""` and `[]` for no body.
 *
 * @throws {KuzzleError} of the family `network.http`. What quotes the body must not be logged.
 */
export async function readHttpBody(
  request: HttpRequest,
  settings: KuzzleSettings,
): Promise<JsonValue | undefined> {
  if (!hasBody(request)) return undefined
  const contentType = singleHeader(request, 'content-type')
  const kind = kindOf(contentType, settings)
  const body = await request.readBody({
    bytesMax: settings.maxRequestSize,
    encodingsMax: settings.maxEncodingLayers,
  })
  if (!body.ok) return refuseBody(body)
  if (body.bytes.length === 0) return undefined
  if (kind === 'multipart') return parseMultipart(body.bytes, contentType, settings.maxFormFileSize)
  const text = decode(body.bytes)
  if (kind === 'form') return parseForm(text)
  return withoutEmpty(parseBodyText(text))
}

type Kind = 'json' | 'form' | 'multipart'

function kindOf(contentType: string, { additionalContentTypes }: KuzzleSettings): Kind {
  const [type = '', ...parameters] = contentType.split(';').map((part) => part.trim())
  const charset = parameters.map((part) => CHARSET.exec(part)?.[1]).find((name) => name !== undefined)
  if (charset !== undefined && !UTF8_NAMES.has(charset.toLowerCase())) {
    return fail('network.http.unsupported_charset', charset)
  }
  const kind = type === '' ? 'json' : KINDS.get(type.toLowerCase())
  if (kind !== undefined) return kind
  return additionalContentTypes.includes(type) ? 'json' : fail('network.http.unsupported_content', type)
}

const KINDS: ReadonlyMap<string, Kind> = new Map([
  ['application/json', 'json'],
  ['application/x-www-form-urlencoded', 'form'],
  ['multipart/form-data', 'multipart'],
])

const CHARSET = /^charset="?([^"]*)"?$/i
const UTF8_NAMES: ReadonlySet<string> = new Set(['utf-8', 'utf8'])

const REFUSALS: Readonly<Record<BodyProblem, (detail: string) => never>> = {
  too_large: () => fail('network.http.request_too_large'),
  too_many_encodings: () => fail('network.http.too_many_encodings'),
  unsupported_encoding: (encoding) => fail('network.http.unsupported_compression', encoding),
  corrupt: (detail) => fail('network.http.unexpected_error', detail),
  aborted: (detail) => fail('network.http.unexpected_error', detail),
}

function refuseBody({ problem, detail }: Extract<Body, { ok: false }>): never {
  return REFUSALS[problem](detail)
}

const UTF8 = new TextDecoder('utf-8', { fatal: true })

function decode(bytes: Uint8Array): string {
  try {
    return UTF8.decode(bytes)
  } catch {
    // Two different texts must not become one by what gets lost.
    return fail('network.http.body_parse_failed', 'not valid UTF-8')
  }
}

/** As much of a malformed body as the error shows, so that people recognise it; one that is too deep is told so. */
const SHOWN_LENGTH = 50

function parseBodyText(text: string): JsonValue {
  const parsed = parseJson(text)
  if (parsed.ok) return parsed.value
  const isTooDeep = parsed.value !== undefined
  return fail('network.http.body_parse_failed', isTooDeep ? parsed.detail : text.slice(0, SHOWN_LENGTH))
}

function parseForm(text: string): JsonValue {
  return { ...parseQuery(text, '&', '=', { maxKeys: FIELDS_MAX }) } as JsonValue
}

function withoutEmpty(value: JsonValue): JsonValue | undefined {
  const isEmpty = value === null || value === '' || (Array.isArray(value) && value.length === 0)
  return isEmpty ? undefined : value
}

function singleHeader(request: HttpRequest, name: string): string {
  const value = request.headers[name]
  if (value === undefined || typeof value === 'string') return value ?? ''
  return fail('network.http.unexpected_error', `the header "${name}" came more than once`)
}
