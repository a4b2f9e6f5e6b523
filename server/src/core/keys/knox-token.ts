/** What a token of Knox's token service holds: the public id of the token, and its secret part. */
export type KnoxToken = { readonly id: string; readonly passcode: string }

/** Characters of a printed token whose parts are UUIDs, as all are that Knox issued. */
export const KNOX_TOKEN_LENGTH = 132

/** Prints a token as Knox does: both parts in base64, joined by `::`, and all of it in base64 again. */
export function printKnoxToken({ id, passcode }: KnoxToken): string {
  return base64(`${base64(id)}::${base64(passcode)}`)
}

/**
 * Reads a token; undefined when it is none. Strict, so that a token has one spelling: what is not exactly what
 * `printKnoxToken` prints of two UUIDs in lower case is refused.
 */
export function parseKnoxToken(text: string): KnoxToken | undefined {
  if (text.length !== KNOX_TOKEN_LENGTH || !BASE64.test(text)) return undefined
  const [first = '', second = '', ...more] = Buffer.from(text, 'base64').toString('latin1').split('::')
  if (more.length > 0) return undefined
  const token = { id: fromBase64(first), passcode: fromBase64(second) }
  if (!UUID.test(token.id) || !UUID.test(token.passcode)) return undefined
  return printKnoxToken(token) === text ? token : undefined
}

/**
 * Whether `parseKnoxToken` reads the text. Allocates nothing and stops at the first character that is wrong, because
 * everybody may send anything here, and those who send tokens do so all the time.
 */
export function isKnoxToken(text: string): boolean {
  if (text.length !== KNOX_TOKEN_LENGTH || text.charCodeAt(KNOX_TOKEN_LENGTH - 1) !== EQUALS) return false
  if (!decodeInner(text)) return false
  if (INNER[PART_LENGTH] !== COLON || INNER[PART_LENGTH + 1] !== COLON) return false
  return holdsUuid(0) && holdsUuid(PART_LENGTH + 2)
}

/**
 * The id of a token as messages show it: what is before its first and after its last dash; the word `null` for
 * anything that is no UUID.
 */
export function tokenDisplayId(id: string): string {
  if (id.length !== UUID_LENGTH || !id.includes('-')) return 'null'
  return `${id.slice(0, id.indexOf('-'))}...${id.slice(id.lastIndexOf('-') + 1)}`
}

const UUID_LENGTH = 36
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const BASE64 = /^[A-Za-z0-9+/]{131}=$/

const base64 = (text: string): string => Buffer.from(text, 'latin1').toString('base64')
const fromBase64 = (text: string): string => Buffer.from(text, 'base64').toString('latin1')

const EQUALS = 61
const COLON = 58
const DASH = 45
/** Characters of an id or passcode in base64, which needs no padding. */
const PART_LENGTH = 48
/** Both parts and what is between them, as one token after the other is decoded into it; one byte is the padding. */
const INNER = new Uint8Array(2 * PART_LENGTH + 3)
/** Of a character that is no digit; six bits have no room for it. */
const NO_DIGIT = 64
const DIGITS: Uint8Array = new Uint8Array(256).fill(NO_DIGIT)
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
for (let digit = 0; digit < ALPHABET.length; digit++) DIGITS[ALPHABET.charCodeAt(digit)] = digit
/** 1 for the characters that may be in a UUID besides dashes. */
const HEX: Uint8Array = new Uint8Array(256)
for (const digit of '0123456789abcdef') HEX[digit.charCodeAt(0)] = 1

function digitOf(text: string, at: number): number {
  const code = text.charCodeAt(at)
  return code < 256 ? (DIGITS[code] ?? NO_DIGIT) : NO_DIGIT
}

function innerDigit(at: number): number {
  return DIGITS[INNER[at] ?? 0] ?? NO_DIGIT
}

/** Decodes the whole text but its padding; false when it is no base64, or has bits at its end that are not needed. */
function decodeInner(text: string): boolean {
  let end = 0
  for (let at = 0; at < KNOX_TOKEN_LENGTH; at += 4) {
    const a = digitOf(text, at)
    const b = digitOf(text, at + 1)
    const c = digitOf(text, at + 2)
    const d = at + 4 === KNOX_TOKEN_LENGTH ? 0 : digitOf(text, at + 3)
    if ((a | b | c | d) >= NO_DIGIT) return false
    INNER[end++] = (a << 2) | (b >> 4)
    INNER[end++] = ((b & 15) << 4) | (c >> 2)
    INNER[end++] = ((c & 3) << 6) | d
  }
  return INNER[end - 1] === 0
}

/** Whether the part of `INNER` that starts there is a UUID in base64. */
function holdsUuid(start: number): boolean {
  let position = 0
  for (let at = start; at < start + PART_LENGTH; at += 4) {
    const a = innerDigit(at)
    const b = innerDigit(at + 1)
    const c = innerDigit(at + 2)
    const d = innerDigit(at + 3)
    if ((a | b | c | d) >= NO_DIGIT) return false
    if (!fitsUuid((a << 2) | (b >> 4), position++)) return false
    if (!fitsUuid(((b & 15) << 4) | (c >> 2), position++)) return false
    if (!fitsUuid(((c & 3) << 6) | d, position++)) return false
  }
  return true
}

function fitsUuid(code: number, position: number): boolean {
  const isDash = position === 8 || position === 13 || position === 18 || position === 23
  return isDash ? code === DASH : HEX[code] === 1
}
