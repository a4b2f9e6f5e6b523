import type { IncomingHttpHeaders } from 'node:http'
import type { Peer } from './peer.ts'

/** What of a request tells who really asks. Repeated headers are lists. */
type RequestHead = {
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  readonly httpVersion: string
}

/**
 * True when somebody on this very host asks, as far as can be seen: the peer is on this host, no proxy says that it
 * passes the request on, and no website of elsewhere had it sent by a browser that runs here.
 */
export function isLocalRequest(peer: Peer, { headers, httpVersion }: RequestHead): boolean {
  if (!peer.loopback || isForwarded(headers)) return false
  // What nginx speaks to a server behind it when told no more than its address. Clients have not for decades.
  if (httpVersion === '1.0') return false
  const { host, origin } = headers
  // A website whose name was made to mean this host (DNS rebinding) still calls it by that name.
  if (typeof host !== 'string' || !OWN_NAME.test(host)) return false
  return origin === undefined || (typeof origin === 'string' && isLocalOrigin(origin, host))
}

/** True when a header tells that somebody passed this request on, so that the peer is not who asks. */
export function isForwarded(headers: IncomingHttpHeaders | RequestHead['headers']): boolean {
  for (const name in headers) {
    if (FORWARDING_HEADERS.has(name) || name.startsWith('x-forwarded-')) return true
  }
  return false
}

const FORWARDING_HEADERS: ReadonlySet<string> = new Set(['forwarded', 'via', 'x-real-ip'])

/** Names of a host that nobody else can give to it: `localhost` and those below it (RFC 6761), and IP addresses. */
const OWN_NAME = /^(?:(?:[\w-]+\.)*localhost|\d+\.\d+\.\d+\.\d+|\[[\da-f:.]+\])(?::\d+)?$/i

/** A website that this host itself serves, on whatever port. */
const LOOPBACK_ORIGIN = /^https?:\/\/(?:(?:[\w-]+\.)*localhost|127\.\d+\.\d+\.\d+|\[::1\])(?::\d+)?$/i

function isLocalOrigin(origin: string, host: string): boolean {
  return LOOPBACK_ORIGIN.test(origin) || origin === `http://${host}` || origin === `https://${host}`
}
