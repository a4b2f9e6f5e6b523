import { type AddressWords, createAddressWords, isIpv4, parseAddress } from './ip-address.ts'

/**
 * Whether a text is an address or a network in CIDR form, such as `192.0.2.0/24` or `2001:db8::/32`. Bits after the
 * prefix do not matter: `192.0.2.7/24` is the same network.
 */
export function isAddressRange(text: string): boolean {
  return parseRange(text) !== undefined
}

/**
 * Whether an address is in one of the networks. No address, or text that is none, never is.
 *
 * IPv4 may be written as IPv6 (`::ffff:192.0.2.1`, also in the list, as `::ffff:192.0.2.0/120`) and is IPv4 all the
 * same; an IPv6 network with a shorter prefix, such as `::/0`, does not hold it. A list is read once, however often it
 * is asked, so it must not be changed. What is no network in it holds nothing.
 */
export function addressAllowed(list: readonly string[], address: string | undefined): boolean {
  if (address === undefined || !parseAddress(address, asked)) return false
  for (const range of compiledRanges(list)) {
    if (holds(range, asked)) return true
  }
  return false
}

/** Only used within one call. */
const asked = createAddressWords()

type Range = { readonly words: AddressWords; readonly masks: Int32Array; readonly isIpv4: boolean }

/** By index: this is asked on every use of a key that is bound to addresses. */
function holds({ words, masks, isIpv4: forIpv4 }: Range, address: AddressWords): boolean {
  if (forIpv4 !== isIpv4(address)) return false
  for (let at = 0; at < 4; at++) {
    if ((((words[at] ?? 0) ^ (address[at] ?? 0)) & (masks[at] ?? 0)) !== 0) return false
  }
  return true
}

const compiledLists = new WeakMap<readonly string[], readonly Range[]>()

function compiledRanges(list: readonly string[]): readonly Range[] {
  const known = compiledLists.get(list)
  if (known !== undefined) return known
  const ranges = list.flatMap((text) => parseRange(text) ?? [])
  compiledLists.set(list, ranges)
  return ranges
}

const PREFIX_LENGTH = /^(?:0|[1-9][0-9]{0,2})$/
const IPV4_OFFSET = 96

function parseRange(text: string): Range | undefined {
  const slash = text.indexOf('/')
  const address = slash === -1 ? text : text.slice(0, slash)
  const words = createAddressWords()
  if (!parseAddress(address, words)) return undefined
  const isWrittenAsIpv6 = address.includes(':')
  const bitsMax = isWrittenAsIpv6 ? 128 : 32
  const given = slash === -1 ? String(bitsMax) : text.slice(slash + 1)
  if (!PREFIX_LENGTH.test(given) || Number(given) > bitsMax) return undefined
  const bits = isWrittenAsIpv6 ? Number(given) : Number(given) + IPV4_OFFSET
  return { words, masks: masksOf(bits), isIpv4: isIpv4(words) && bits >= IPV4_OFFSET }
}

function masksOf(bits: number): Int32Array {
  return Int32Array.from({ length: 4 }, (_, word) => {
    const here = Math.min(32, Math.max(0, bits - word * 32))
    // A shift by 32 would shift by nothing.
    return here === 0 ? 0 : -1 << (32 - here)
  })
}
