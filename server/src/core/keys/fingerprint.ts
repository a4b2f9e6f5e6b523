import { hash } from 'node:crypto'

declare const brand: unique symbol

/** Lower-case hex SHA-256 of a whole token as delivered, prefix included. Safe to log and to store. */
export type Fingerprint = string & { readonly [brand]: 'Fingerprint' }

/** The fingerprint of a token: what `echo -n TOKEN | sha256sum` prints. */
export function fingerprintOf(token: string): Fingerprint {
  return hash('sha256', token, 'hex') as Fingerprint
}

const FINGERPRINT = /^[0-9a-f]{64}$/

/** Reads a stored or given fingerprint in either case; undefined when it is not 64 hex digits. */
export function parseFingerprint(text: string): Fingerprint | undefined {
  const lower = text.toLowerCase()
  return FINGERPRINT.test(lower) ? (lower as Fingerprint) : undefined
}
