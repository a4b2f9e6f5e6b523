import { parse as parseForm } from 'node:querystring'
import { parseJson } from '../../core/json-text.ts'
import type { Body, BodyProblem, HttpRequest } from '../../transports/http/http-message.ts'
import { hasBody } from '../../transports/http/request-head.ts'
import { invalid, Problem, type ProblemCode } from './problem.ts'

/** How a body is written. */
export type BodyKind = 'json' | 'form'

/** Bounds of a body, see `HttpRequest.readBody`. */
export type BodyLimits = { readonly bytesMax: number; readonly encodingsMax: number }

/** Most fields of a form or query string; more are refused. */
export const FIELDS_MAX = 100

/** A body as it came, without the encodings that it came in, and what it says; `undefined` when there is none. */
export type ReadBody = { readonly bytes: Uint8Array; readonly value: unknown }

/**
 * The body of a request.
 *
 * @throws {Problem} `request.unsupported_media_type`, `request.unsupported_encoding`, `request.too_large`,
 *   `request.malformed_body`.
 */
export async function readBody(request: HttpRequest, kind: BodyKind, limits: BodyLimits): Promise<ReadBody> {
  if (!hasBody(request)) return NO_BODY
  checkMediaType(request, kind)
  const body = await request.readBody(limits)
  if (!body.ok) throw refusedBody(body)
  if (body.bytes.length === 0) return NO_BODY
  const text = decode(body.bytes)
  return { bytes: body.bytes, value: kind === 'json' ? readJson(text) : readFields(text) }
}

const NO_BODY: ReadBody = { bytes: new Uint8Array(), value: undefined }

/** Fields of a form or query string, each of which may come once. @throws {Problem} `request.invalid` */
export function readFields(text: string): Readonly<Record<string, string>> {
  if (text === '') return {}
  // One more than are allowed, to know that there are more.
  const fields = Object.entries(parseForm(text, '&', '=', { maxKeys: FIELDS_MAX + 1 }))
  if (fields.length > FIELDS_MAX) throw invalid('fields', `there are more than ${FIELDS_MAX}`)
  return Object.fromEntries(
    fields.map(([name, value]) => {
      if (typeof value !== 'string') throw invalid(name.slice(0, 64), 'may be given once')
      if (!isText(value) || !isText(name)) throw invalid(name.slice(0, 64), 'is not valid Unicode text')
      return [name, value]
    }),
  )
}

/** The fields with those of one name put together: `a.b=1` and `a[b]=1` are both `{a: {b: '1'}}`. @throws {Problem} */
export function readQuery(text: string): Readonly<Record<string, unknown>> {
  const single = new Map<string, string>()
  const grouped = new Map<string, Map<string, string>>()
  for (const [field, value] of Object.entries(readFields(text))) {
    const [, name, dotted, bracketed] = MEMBER_FIELD.exec(field) ?? []
    const member = dotted ?? bracketed
    if (name === undefined || member === undefined) {
      single.set(field, value)
      continue
    }
    const members = grouped.get(name) ?? new Map<string, string>()
    if (members.has(member)) throw invalid(field.slice(0, 64), 'may be given once')
    grouped.set(name, members.set(member, value))
  }
  const groups = [...grouped].map(([name, members]) => [name, Object.fromEntries(members)])
  return Object.fromEntries([...single, ...groups])
}

const MEMBER_FIELD = /^(\w+)(?:\.(.+)|\[(.+)\])$/s

const MEDIA_TYPES: Readonly<Record<BodyKind, RegExp>> = {
  json: /^application\/(?:json|merge-patch\+json)$/i,
  form: /^application\/x-www-form-urlencoded$/i,
}

const EXPECTED: Readonly<Record<BodyKind, string>> = {
  json: 'application/json',
  form: 'application/x-www-form-urlencoded',
}

const CHARSET = /^charset="?([^"]*)"?$/i
const UTF8_NAMES: ReadonlySet<string> = new Set(['utf-8', 'utf8', 'us-ascii'])

function checkMediaType({ headers }: HttpRequest, kind: BodyKind): void {
  const given = headers['content-type']
  if (given !== undefined && typeof given !== 'string') throw invalid('content-type', 'may be given once')
  const [type = '', ...parameters] = (given ?? '').split(';').map((part) => part.trim())
  const charset = parameters.map((part) => CHARSET.exec(part)?.[1]).find((name) => name !== undefined)
  const isKnown = MEDIA_TYPES[kind].test(type) && UTF8_NAMES.has((charset ?? 'utf-8').toLowerCase())
  if (isKnown) return
  throw new Problem(
    'request.unsupported_media_type',
    `Cannot read the body: its Content-Type must be ${EXPECTED[kind]} in UTF-8`,
    { headers: { Accept: EXPECTED[kind] } },
  )
}

const REFUSALS: Readonly<Record<BodyProblem, ProblemCode>> = {
  too_large: 'request.too_large',
  too_many_encodings: 'request.unsupported_encoding',
  unsupported_encoding: 'request.unsupported_encoding',
  corrupt: 'request.malformed_body',
  aborted: 'request.malformed_body',
}

function refusedBody({ problem, detail }: Extract<Body, { ok: false }>): Problem {
  return new Problem(REFUSALS[problem], `Cannot read the body: ${detail}`)
}

const UTF8 = new TextDecoder('utf-8', { fatal: true })

function decode(bytes: Uint8Array): string {
  try {
    return UTF8.decode(bytes)
  } catch {
    // Two different texts must not become one by what gets lost.
    throw new Problem('request.malformed_body', 'Cannot read the body: it is not valid UTF-8')
  }
}

/** Half of a character as JSON can write it and no store can keep it, unless it finds its other half. */
const SURROGATE_ESCAPE = /\\u[dD][89a-fA-F]/

function readJson(text: string): unknown {
  const parsed = parseJson(text)
  // The parser's own words may quote a secret.
  if (!parsed.ok) {
    const detail = parsed.value === undefined ? 'it is not valid JSON' : parsed.detail
    throw new Problem('request.malformed_body', `Cannot read the body: ${detail}`)
  }
  if (SURROGATE_ESCAPE.test(text) && !isText(parsed.value)) {
    throw new Problem('request.malformed_body', 'Cannot read the body: it holds half a character of a pair')
  }
  return parsed.value
}

/** True when all text in it, names of members too, is well-formed. Its depth is bounded. */
function isText(value: unknown): boolean {
  if (typeof value === 'string') return value.isWellFormed()
  if (typeof value !== 'object' || value === null) return true
  return Object.entries(value).every(([name, member]) => name.isWellFormed() && isText(member))
}
