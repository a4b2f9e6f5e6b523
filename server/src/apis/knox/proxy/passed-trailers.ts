import type { IncomingMessage } from 'node:http'
import type { FieldLines, HttpRequest, ReplyTrailers } from '../../../transports/http/http-message.ts'
import { asRead, type StrippedHeaders, strippedOf, unansweredOf } from './forwarded-headers.ts'

/**
 * Fields that mean something only ahead of the body: how it is framed, encoded and routed, who asks, what may be kept
 * (RFC 9110 section 6.5.1). Whoever merges trailers with headers must not take them from there.
 */
const NEVER_BEHIND: ReadonlySet<string> = new Set([
  'accept-ranges',
  'age',
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-length',
  'content-location',
  'content-range',
  'content-type',
  'cookie',
  'date',
  'expires',
  'location',
  'max-forwards',
  'origin',
  'pragma',
  'range',
  'referer',
  'retry-after',
  'set-cookie',
  'status',
  'vary',
  'www-authenticate',
])

/** Beginnings of more such names: conditions, what clients accept, and what browsers are told of websites. */
const NEVER_BEHIND_BEGINNINGS = ['accept-', 'access-control-', 'if-', 'sec-']

/** Which trailers of a request are passed on: those whose headers would be, and that nobody else says. */
export function forwardedTrailerOf(
  headers: HttpRequest['headers'],
  stripped: StrippedHeaders,
  added: Iterable<string>,
): (name: string) => boolean {
  const isStripped = strippedOf(headers, stripped)
  const own = new Set([...added].map(asRead))
  return (name) => !isStripped(name) && !own.has(asRead(name)) && mayComeBehind(name)
}

/** The trailers of an answer that are passed on. */
export function answeredTrailers(response: IncomingMessage): ReplyTrailers {
  const isUnanswered = unansweredOf(response)
  const passes = (name: string) => !isUnanswered(name) && mayComeBehind(name)
  return {
    announced: announcedTrailers(response.headers.trailer, passes),
    lines: () => passedLines(response.rawTrailers, passes),
  }
}

/** Whether the client says that it understands what follows a body (RFC 9110 section 10.1.4). */
export function takesTrailers({ te }: HttpRequest['headers']): boolean {
  return String(te ?? '')
    .split(',')
    .some((each) => each.trim().toLowerCase() === 'trailers')
}

/** The fields whose names, in lower case, pass. */
export function passedLines(lines: FieldLines, passes: (name: string) => boolean): FieldLines {
  const kept: string[] = []
  for (let index = 0; index + 1 < lines.length; index += 2) {
    const name = lines[index] ?? ''
    if (passes(name.toLowerCase())) kept.push(name, lines[index + 1] ?? '')
  }
  return kept
}

/** The names in a header `Trailer` that pass. */
export function announcedTrailers(
  header: string | readonly string[] | undefined,
  passes: (name: string) => boolean,
): readonly string[] {
  const names = String(header ?? '').split(',')
  return names.map((name) => name.trim()).filter((name) => TOKEN.test(name) && passes(name.toLowerCase()))
}

/** A name of a field (RFC 9110 section 5.6.2). */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/

function mayComeBehind(name: string): boolean {
  const read = asRead(name)
  return !NEVER_BEHIND.has(read) && !NEVER_BEHIND_BEGINNINGS.some((each) => read.startsWith(each))
}
