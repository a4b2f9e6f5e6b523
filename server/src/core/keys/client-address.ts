import { addressAllowed } from './address-list.ts'
import { createAddressWords, parseAddress, printAddress } from './ip-address.ts'

/** Hops of `X-Forwarded-For` that are looked at; behind more trusted proxies than these, nobody is known. */
export const FORWARDED_HOPS_MAX = 32

/**
 * The address of the client: the right-most hop that is not a trusted proxy, in the one way to write it.
 *
 * `peer` is who opened the connection; only when it is trusted does `X-Forwarded-For` count, which anybody can send.
 * From its end, each trusted proxy vouches for the hop before it. Undefined means unknown, which every allow-list
 * refuses: no address at that place, or every hop is trusted, so that who is behind them was not said.
 *
 * `forwardedFor`: the header, several of them joined by commas in their order. A hop may have a port, as
 * `192.0.2.1:443` or `[2001:db8::1]:443`. `trusted`: addresses and networks of the proxies, as `addressAllowed` takes them.
 */
export function clientAddress(
  peer: string | undefined,
  forwardedFor: string | undefined,
  trusted: readonly string[],
): string | undefined {
  const address = normalAddress(peer)
  if (address === undefined || trusted.length === 0 || !addressAllowed(trusted, address)) return address
  return forwardedAddress(forwardedFor, trusted)
}

/**
 * As `clientAddress`, when the peer is a trusted proxy that has no address, such as one at the other end of a Unix socket:
 * the right-most hop of `X-Forwarded-For` that is not a trusted proxy; undefined: unknown.
 */
export function forwardedAddress(
  forwardedFor: string | undefined,
  trusted: readonly string[],
): string | undefined {
  if (forwardedFor === undefined) return undefined
  let end = forwardedFor.length
  for (let hops = 0; hops < FORWARDED_HOPS_MAX && end >= 0; hops++) {
    const comma = end === 0 ? -1 : forwardedFor.lastIndexOf(',', end - 1)
    const address = normalAddress(withoutPort(forwardedFor.slice(comma + 1, end).trim()))
    if (address === undefined || !addressAllowed(trusted, address)) return address
    end = comma
  }
  return undefined
}

function withoutPort(hop: string): string {
  const [, bracketed, ipv4] = /^(?:\[([^\]]*)\](?::[0-9]{1,5})?|([0-9.]+):[0-9]{1,5})$/.exec(hop) ?? []
  return bracketed ?? ipv4 ?? hop
}

/** Only used within one call. */
const words = createAddressWords()

function normalAddress(text: string | undefined): string | undefined {
  if (text === undefined || !parseAddress(text, words)) return undefined
  // IPv4 has one spelling already.
  return text.includes(':') ? printAddress(words) : text
}
