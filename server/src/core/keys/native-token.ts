import type { Keyspace } from '../core-settings.ts'
import type { Randomness } from '../ports/randomness.ts'
import { CRC32_START, finishCrc32, updateCrc32 } from './crc32.ts'

/**
 * Makes a token of Latchkey's own form, `<prefix>_<environment>_<name><secret><checksum>`, that never was before.
 *
 * Only `[0-9A-Za-z_]` occur, so that a double click selects all of it. The name (8 characters) is public: `hint` is
 * everything up to its end, for people who look for a key in a list. The secret (27 characters) is more than 160
 * random bits that depend on nothing. The checksum (6 characters) is the CRC-32 of all before it: no security, but typos
 * and foreign texts are refused by their looks. With a prefix and environment of at most 12 characters together, the
 * token has at most 55 bytes, which is one block of SHA-256.
 */
export function mintNativeToken(
  randomness: Randomness,
  keyspace: Keyspace,
): { readonly token: string; readonly hint: string } {
  const random = randomBase62(randomness, NAME_LENGTH + SECRET_LENGTH)
  const head = `${keyspace.prefix}_${keyspace.environment}_`
  const token = printNativeToken(head + random)
  if (!isNativeToken(token))
    throw new Error(`Cannot mint a token of the keyspace "${head}": not a good prefix`)
  return { token, hint: head + random.slice(0, NAME_LENGTH) }
}

/**
 * Whether a text looks like a native token, its checksum included. Every token has exactly one spelling: another case,
 * a space or a different digit is another text, and not a token.
 *
 * Allocates nothing and reads at most `NATIVE_TOKEN_LENGTH_MAX` characters, because everybody may send anything here. A
 * single wrong character, or two neighbours in the wrong order, never pass; see `crc32.ts`.
 */
export function isNativeToken(text: string): boolean {
  const { length } = text
  if (length < NATIVE_TOKEN_LENGTH_MIN || length > NATIVE_TOKEN_LENGTH_MAX) return false
  const tailAt = length - NATIVE_TAIL_LENGTH
  if (text.charCodeAt(tailAt - 1) !== UNDERSCORE) return false
  const headCrc = readHead(text, tailAt - 1)
  if (headCrc === undefined) return false

  let crc = updateCrc32(headCrc, UNDERSCORE)
  const checksumAt = length - CHECKSUM_LENGTH
  for (let at = tailAt; at < checksumAt; at++) {
    const code = text.charCodeAt(at)
    if (digitOf(code) === NO_DIGIT) return false
    crc = updateCrc32(crc, code)
  }
  return hasChecksum(text, finishCrc32(crc))
}

/** Characters of the public name in a token. */
const NAME_LENGTH = 8
/** 62^27 is more than 2^160. */
const SECRET_LENGTH = 27
/** 62^6 is more than 2^32. */
const CHECKSUM_LENGTH = 6
/** Characters after the last underscore. */
export const NATIVE_TAIL_LENGTH = NAME_LENGTH + SECRET_LENGTH + CHECKSUM_LENGTH
/** Most characters of a prefix, and of an environment. */
export const KEYSPACE_PART_LENGTH_MAX = 16
const NATIVE_TOKEN_LENGTH_MIN = 4 + NATIVE_TAIL_LENGTH
/** Most characters of a native token. */
export const NATIVE_TOKEN_LENGTH_MAX = 2 * (KEYSPACE_PART_LENGTH_MAX + 1) + NATIVE_TAIL_LENGTH

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const BASE = 62
const UNDERSCORE = 95
const NO_DIGIT = 255
const DIGITS: Uint8Array = new Uint8Array(128).fill(NO_DIGIT)
for (let digit = 0; digit < BASE; digit++) DIGITS[ALPHABET.charCodeAt(digit)] = digit

function digitOf(charCode: number): number {
  return charCode < 128 ? (DIGITS[charCode] ?? NO_DIGIT) : NO_DIGIT
}

/** The CRC so far after `<prefix>_<environment>`, which ends before `end`; undefined when it is something else. */
function readHead(text: string, end: number): number | undefined {
  let crc = CRC32_START
  let partAt = 0
  let parts = 1
  for (let at = 0; at < end; at++) {
    const code = text.charCodeAt(at)
    crc = updateCrc32(crc, code)
    if (code === UNDERSCORE) {
      if (!isPartLength(at - partAt)) return undefined
      partAt = at + 1
      parts++
    } else if (!isLowerCaseOrDigit(code)) return undefined
  }
  return parts === 2 && isPartLength(end - partAt) ? crc : undefined
}

function isPartLength(length: number): boolean {
  return length >= 1 && length <= KEYSPACE_PART_LENGTH_MAX
}

function isLowerCaseOrDigit(code: number): boolean {
  return (code >= 97 && code <= 122) || (code >= 48 && code <= 57)
}

/** Compares digit by digit from the end, so that a number has one spelling only. */
function hasChecksum(text: string, checksum: number): boolean {
  let rest = checksum
  for (let at = text.length - 1; at >= text.length - CHECKSUM_LENGTH; at--) {
    if (digitOf(text.charCodeAt(at)) !== rest % BASE) return false
    rest = Math.floor(rest / BASE)
  }
  return true
}

function printNativeToken(body: string): string {
  let crc = CRC32_START
  for (let at = 0; at < body.length; at++) crc = updateCrc32(crc, body.charCodeAt(at))
  let rest = finishCrc32(crc)
  let digits = ''
  for (let count = 0; count < CHECKSUM_LENGTH; count++) {
    digits = ALPHABET.charAt(rest % BASE) + digits
    rest = Math.floor(rest / BASE)
  }
  return body + digits
}

/** Bytes drawn at once; on average 31 of 32 can be used. */
const DRAW_BYTES = 48
/** A good source of randomness never needs a fifth draw: that would happen once in 2^100 tokens or so. */
const DRAWS_MAX = 16

/** Every digit is equally likely: bytes that would favour the first ones are thrown away. */
function randomBase62(randomness: Randomness, count: number): string {
  const fairMax = 256 - (256 % BASE)
  let digits = ''
  for (let draw = 0; draw < DRAWS_MAX; draw++) {
    for (const byte of randomness.bytes(DRAW_BYTES)) {
      if (byte < fairMax) digits += ALPHABET.charAt(byte % BASE)
      if (digits.length === count) return digits
    }
  }
  throw new Error(`Cannot mint a token: ${DRAWS_MAX} draws of ${DRAW_BYTES} bytes were not random enough`)
}
