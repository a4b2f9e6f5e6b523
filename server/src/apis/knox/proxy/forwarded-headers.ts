import type { IncomingMessage } from 'node:http'
import type { HttpReply, HttpRequest } from '../../../transports/http/http-message.ts'
import { KnoxRefusal } from '../knox-request.ts'
import type { CredentialPlaces } from './credential-places.ts'

/** Headers that speak of one connection only (RFC 9110 section 7.6.1), besides those that `Connection` names. */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** Headers of requests that are ours to say, whoever said them before. */
const OWN: ReadonlySet<string> = new Set([
  // Who is behind believes that we checked them (RFC 9440 section 3).
  'client-cert',
  'client-cert-chain',
  'content-length',
  'expect',
  'forwarded',
  'host',
  'via',
  'x-real-ip',
])

/** Beginnings of headers in which only this server says who asks, and how. */
const OWN_BEGINNINGS = ['x-forwarded-', 'x-knox-', 'x-latchkey-']

/** Headers of answers that speak of the upstream's own host, and would be taken for ours. */
const OF_THE_HOST: ReadonlySet<string> = new Set(['alt-svc', 'strict-transport-security'])

/** What must not be passed on to an upstream. */
export type StrippedHeaders = Pick<CredentialPlaces, 'headers' | 'cookies'> & {
  /** Names, or beginnings that are followed by `-`, of headers that tell who asks. */
  readonly identity: readonly string[]
}

/** Tells of a name in lower case whether a field of the request with these headers is kept from the upstream. */
export function strippedOf(
  headers: HttpRequest['headers'],
  stripped: StrippedHeaders,
): (name: string) => boolean {
  const unwanted = new Set([...stripped.headers, ...stripped.identity].map(asRead))
  const beginnings = [...OWN_BEGINNINGS, ...stripped.identity.map((name) => `${asRead(name)}-`)]
  const named = connectionOptions(headers['connection'])
  return (name) => {
    const read = asRead(name)
    const isOurs = HOP_BY_HOP.has(name) || OWN.has(read) || named.has(name) || unwanted.has(read)
    return isOurs || beginnings.some((each) => read.startsWith(each))
  }
}

/** The headers of a request that are passed on. @throws {KnoxRefusal} one came twice that may come once. */
export function forwardedHeaders(
  headers: HttpRequest['headers'],
  stripped: StrippedHeaders,
): Record<string, string> {
  const isStripped = strippedOf(headers, stripped)
  const kept: [string, string][] = []
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || isStripped(name)) continue
    if (typeof value !== 'string') throw new KnoxRefusal(400, `The header "${name}" came more than once`)
    const text = name === 'cookie' ? withoutCookies(value, stripped.cookies) : value
    if (text !== '' || name !== 'cookie') kept.push([name, text])
  }
  return Object.fromEntries(kept)
}

/** The value of `Via` with this server at its end (RFC 9110 section 7.6.3). */
export function viaOf(headers: HttpRequest['headers']): string {
  const before = headers['via']
  return before === undefined ? '1.1 latchkey' : `${String(before)}, 1.1 latchkey`
}

/** Tells of a name in lower case whether a field of the answer with these headers is kept from the client. */
export function unansweredOf({ headers }: Pick<IncomingMessage, 'headers'>): (name: string) => boolean {
  const named = connectionOptions(headers.connection)
  return (name) => HOP_BY_HOP.has(name) || OF_THE_HOST.has(name) || named.has(name)
}

/** The headers of an answer that are passed on, spelled as they came, those that came more often as lists. */
export function answeredHeaders(
  answer: Pick<IncomingMessage, 'rawHeaders' | 'headers'>,
  change: (name: string, value: string) => string | undefined,
): HttpReply['headers'] {
  const { rawHeaders } = answer
  const isUnanswered = unansweredOf(answer)
  const kept = new Map<string, { readonly spelled: string; readonly values: string[] }>()
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const spelled = rawHeaders[index] ?? ''
    const name = spelled.toLowerCase()
    if (isUnanswered(name)) continue
    const value = change(name, rawHeaders[index + 1] ?? '')
    if (value === undefined) continue
    const known = kept.get(name)
    if (known === undefined) kept.set(name, { spelled, values: [value] })
    else known.values.push(value)
  }
  return Object.fromEntries(
    [...kept.values()].map(({ spelled, values: [first = '', ...others] }) => [
      spelled,
      others.length === 0 ? first : [first, ...others],
    ]),
  )
}

/** A header's name as programs read it that tell `-` and `_` apart no more, as those behind CGI and WSGI. */
export function asRead(name: string): string {
  return name.toLowerCase().replaceAll(/[^a-z0-9]/g, '-')
}

function connectionOptions(connection: string | readonly string[] | undefined): ReadonlySet<string> {
  const text = typeof connection === 'string' ? connection : (connection ?? []).join(',')
  return new Set(text.split(',').map((option) => option.trim().toLowerCase()))
}

function withoutCookies(header: string, unwanted: readonly string[]): string {
  const parts = header.split(';')
  const kept = parts.filter((part) => {
    const [name = ''] = part.split('=')
    return !unwanted.includes(name.trim().toLowerCase())
  })
  return kept.length === parts.length ? header : kept.join(';').trim()
}
