/**
 * The 128 bits of an address, as four times 32; IPv4 as `::ffff:a.b.c.d` (RFC 4291 section 2.5.5.2), so that both ways
 * of writing it are the same.
 */
export type AddressWords = Int32Array

/** Room for the bits of one address. */
export function createAddressWords(): AddressWords {
  return new Int32Array(4)
}

/**
 * Reads an IPv4 or IPv6 address into `into`; false, and anything in there, when the text is none.
 *
 * IPv4 is four decimal numbers without leading zeros, which some programs would take for octal. IPv6 may be shortened
 * by `::` and end in IPv4 (RFC 4291 section 2.2). Zone ids such as `%eth0` are refused: they name a link of one
 * machine, not an address. Allocates nothing.
 */
export function parseAddress(text: string, into: AddressWords): boolean {
  if (text.length < ADDRESS_LENGTH_MIN || text.length > ADDRESS_LENGTH_MAX) return false
  if (text.includes(':')) return parseIpv6(text, into)
  const bits = parseIpv4(text, 0)
  if (bits === undefined) return false
  into[0] = 0
  into[1] = 0
  into[2] = 0xffff
  into[3] = bits
  return true
}

/** Whether it is IPv4, written in either way. */
export function isIpv4(words: AddressWords): boolean {
  return words[0] === 0 && words[1] === 0 && words[2] === 0xffff
}

/** The one way to write an address: IPv4 as four decimals, IPv6 as in RFC 5952. */
export function printAddress(words: AddressWords): string {
  const groups = Array.from(
    { length: 8 },
    (_, at) => ((words[at >> 1] ?? 0) >>> (at % 2 === 0 ? 16 : 0)) & 0xffff,
  )
  if (isIpv4(words)) {
    return groups
      .slice(6)
      .flatMap((group) => [group >>> 8, group & 0xff])
      .join('.')
  }
  const hex = groups.map((group) => group.toString(16))
  const { at, length } = longestZeros(groups)
  if (length < 2) return hex.join(':')
  return `${hex.slice(0, at).join(':')}::${hex.slice(at + length).join(':')}`
}

const ADDRESS_LENGTH_MIN = 2
/** As in `ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255`. */
const ADDRESS_LENGTH_MAX = 45
const COLON = 58
const DOT = 46
const GROUPS = 8

/** Groups before and after the `::`, whose place is known only at the end. */
const scratch = new Uint16Array(GROUPS)

function parseIpv6(text: string, into: AddressWords): boolean {
  let at = 0
  let count = 0
  let shortenedAt = -1
  if (text.charCodeAt(0) === COLON) {
    if (text.charCodeAt(1) !== COLON) return false
    shortenedAt = 0
    at = 2
  }
  while (at < text.length) {
    if (count === GROUPS) return false
    const end = endOfGroup(text, at)
    if (text.charCodeAt(end) === DOT) {
      const bits = count <= GROUPS - 2 ? parseIpv4(text, at) : undefined
      if (bits === undefined) return false
      scratch[count++] = bits >>> 16
      scratch[count++] = bits
      at = text.length
      break
    }
    const group = parseGroup(text, at, end)
    if (group === undefined) return false
    scratch[count++] = group
    at = end
    if (at === text.length) break
    if (text.charCodeAt(at) !== COLON) return false
    at++
    if (text.charCodeAt(at) === COLON) {
      if (shortenedAt !== -1) return false
      shortenedAt = count
      at++
    } else if (at === text.length) return false
  }
  return spread(count, shortenedAt, into)
}

/** Where the hexadecimal digits end that begin at `from`; never more than one too many. */
function endOfGroup(text: string, from: number): number {
  let end = from
  while (end < text.length && end - from <= 4 && hexDigit(text.charCodeAt(end)) !== -1) end++
  return end
}

function parseGroup(text: string, from: number, end: number): number | undefined {
  if (end === from || end - from > 4) return undefined
  let group = 0
  for (let at = from; at < end; at++) group = group * 16 + hexDigit(text.charCodeAt(at))
  return group
}

/** Puts the groups that were read where they belong; `::` stands for at least one group of zeros. */
function spread(count: number, shortenedAt: number, into: AddressWords): boolean {
  if (shortenedAt === -1 ? count !== GROUPS : count >= GROUPS) return false
  const zeros = GROUPS - count
  for (let word = 0; word < 4; word++) {
    const high = groupAt(word * 2, shortenedAt, zeros)
    const low = groupAt(word * 2 + 1, shortenedAt, zeros)
    into[word] = (high << 16) | low
  }
  return true
}

function groupAt(place: number, shortenedAt: number, zeros: number): number {
  if (shortenedAt === -1 || place < shortenedAt) return scratch[place] ?? 0
  return place < shortenedAt + zeros ? 0 : (scratch[place - zeros] ?? 0)
}

/** The 32 bits of an IPv4 address that begins at `from` and ends with the text. */
function parseIpv4(text: string, from: number): number | undefined {
  let bits = 0
  let parts = 0
  let part = -1
  for (let at = from; at <= text.length; at++) {
    const code = text.charCodeAt(at)
    if (code >= 48 && code <= 57) {
      if (part === 0) return undefined
      part = part === -1 ? code - 48 : part * 10 + code - 48
      if (part > 255) return undefined
      continue
    }
    if (part === -1 || (at < text.length && code !== DOT)) return undefined
    bits = (bits << 8) | part
    part = -1
    parts++
    if (parts > 4) return undefined
  }
  return parts === 4 ? bits : undefined
}

function hexDigit(code: number): number {
  if (code >= 48 && code <= 57) return code - 48
  const lower = code | 32
  return lower >= 97 && lower <= 102 ? lower - 87 : -1
}

/** The first of the longest runs of zeros. */
function longestZeros(groups: readonly number[]): { readonly at: number; readonly length: number } {
  let longest = { at: 0, length: 0 }
  groups.forEach((_, at) => {
    const end = groups.findIndex((group, index) => index >= at && group !== 0)
    const length = (end === -1 ? GROUPS : end) - at
    if (length > longest.length) longest = { at, length }
  })
  return longest
}
