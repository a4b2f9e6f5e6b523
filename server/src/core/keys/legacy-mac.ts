import { createHmac, timingSafeEqual } from 'node:crypto'

/** How Knox keeps the secret part of a token in its database; needed for tokens that were issued there. */
export type LegacyMac = {
  /** Name of the MAC in Java, such as `HmacSHA256`. */
  readonly algorithm: string
  /** Base64 of the UTF-8 bytes of the MAC, which Knox decodes as UTF-8 with replacement characters first. */
  readonly stored: string
  /** Part of what was hashed: when the token was issued, in ms, and for whom. */
  readonly issueTime: number
  readonly userName: string
}

/** Names of the MACs of Java that are understood, and what they are called here. */
const ALGORITHMS: Readonly<Record<string, string>> = {
  hmacsha256: 'sha256',
  hmacsha384: 'sha384',
  hmacsha512: 'sha512',
  hmacsha224: 'sha224',
  hmacsha1: 'sha1',
}

/** Whether tokens hashed with that MAC can be checked. */
export function isLegacyAlgorithm(algorithm: string): boolean {
  return Object.hasOwn(ALGORITHMS, algorithm.toLowerCase())
}

/**
 * Whether the token is the one whose MAC was stored, compared in constant time.
 *
 * `hashKey` is the text of Knox's alias `knox.token.hash.key`, taken as it is.
 */
export function matchesLegacyMac(
  token: { readonly id: string; readonly passcode: string },
  mac: LegacyMac,
  hashKey: string,
): boolean {
  const expected = Buffer.from(printLegacyMac(token, mac, hashKey))
  const stored = Buffer.from(mac.stored)
  return expected.length === stored.length && timingSafeEqual(expected, stored)
}

/** What Knox would have stored for a token. @throws {Error} the algorithm is none of `isLegacyAlgorithm`. */
export function printLegacyMac(
  { id, passcode }: { readonly id: string; readonly passcode: string },
  { algorithm, issueTime, userName }: Omit<LegacyMac, 'stored'>,
  hashKey: string,
): string {
  const hash = ALGORITHMS[algorithm.toLowerCase()]
  if (hash === undefined) throw new Error(`Cannot check a token: its MAC "${algorithm}" is not known`)
  const bytes = createHmac(hash, hashKey).update(`${id}${issueTime}${userName}${passcode}`).digest()
  return Buffer.from(decodeAsJava(bytes)).toString('base64')
}

/**
 * Decodes UTF-8 as Java does. It differs from the WHATWG decoder in one case: the three bytes of a surrogate become one
 * replacement character, not three.
 */
function decodeAsJava(bytes: Uint8Array): string {
  const pieces: number[] = []
  for (let at = 0; at < bytes.length; at += 1) {
    if (isSurrogate(bytes, at)) {
      pieces.push(...REPLACEMENT)
      at += 2
    } else {
      pieces.push(bytes[at] ?? 0)
    }
  }
  return Buffer.from(pieces).toString('utf8')
}

/** U+FFFD in UTF-8. */
const REPLACEMENT = [0xef, 0xbf, 0xbd]

function isSurrogate(bytes: Uint8Array, at: number): boolean {
  const [first, second = 0, third = 0] = bytes.subarray(at, at + 3)
  return first === 0xed && second >= 0xa0 && second <= 0xbf && third >= 0x80 && third <= 0xbf
}
