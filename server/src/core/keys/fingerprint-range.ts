import type { Context } from '../context.ts'
import { type Fingerprint, fingerprintOf } from './fingerprint.ts'

/** Hex digits of a fingerprint that somebody tells to learn the rest of all that begin so: one in 1,048,576. */
export const RANGE_DIGITS = 5

/** Most fingerprints of one range; a store of so many keys that there are more answers with the first of them. */
export const RANGE_MAX = 100_000

/** An answer holds a multiple of this, so that its length tells little of how many keys there are. */
const PADDED_TO = 64

/**
 * The rest of every fingerprint that begins with those digits: whoever has a token finds out whether it is one of this
 * server's without telling which. Among them are some that are nobody's, always the same ones, so that neither one
 * answer nor many of them tell how many keys there are. In order. Revoked keys are left out.
 */
export async function fingerprintRange(context: Context, digits: string): Promise<readonly string[]> {
  const stored = await context.storage.keys.fingerprintsFrom(digits, RANGE_MAX)
  const padding = await paddingOf(context, digits, PADDED_TO - (stored.length % PADDED_TO))
  return [...stored.map((fingerprint) => fingerprint.slice(digits.length)), ...padding].sort()
}

async function paddingOf(context: Context, digits: string, count: number): Promise<readonly string[]> {
  const secret = await context.signingSecret()
  return Array.from({ length: count }, (_, n) =>
    fingerprintOf(`range ${digits} ${n} ${secret}`).slice(digits.length),
  )
}

/** First and last of all fingerprints that begin with those digits. */
export function boundsOfRange(digits: string): { readonly first: Fingerprint; readonly last: Fingerprint } {
  return { first: digits.padEnd(64, '0') as Fingerprint, last: digits.padEnd(64, 'f') as Fingerprint }
}
