import { pbkdf2, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'

/**
 * A password hash that was made by Kuzzle's `local` strategy with stretching on, as it is in every default
 * installation: PBKDF2-HMAC-SHA-512.
 *
 * Written as `$kuzzle-pbkdf2$a=sha512,i=10000,l=512$<salt>$<hash>`: `salt` is Kuzzle's `userSalt` exactly as stored there
 * (it is used as text), in base64; `hash` is `userPassword` as stored there, lower-case hex of `l` bytes.
 */
export type KuzzlePassword = { readonly salt: string; readonly hash: Buffer }

const ITERATIONS = 10_000
const HASH_BYTES = 512
/** Kuzzle's salts are 128 random bytes as hex; other tools may have written longer ones. */
const SALT_CHARACTERS_MAX = 1_024
const SHAPE = /^\$kuzzle-pbkdf2\$a=sha512,i=10000,l=512\$([A-Za-z0-9+/]*={0,2})\$([0-9a-f]{1024})$/

/** Prints it as it is stored here until the next login replaces it. */
export function printKuzzlePassword({ salt, hash }: KuzzlePassword): string {
  const parameters = `a=sha512,i=${ITERATIONS},l=${HASH_BYTES}`
  return `$kuzzle-pbkdf2$${parameters}$${Buffer.from(salt).toString('base64')}$${hash.toString('hex')}`
}

/** Undefined when the text is something else. */
export function parseKuzzlePassword(text: string): KuzzlePassword | undefined {
  const [, salt, hash] = SHAPE.exec(text) ?? []
  if (salt === undefined || hash === undefined) return undefined
  const saltText = Buffer.from(salt, 'base64').toString()
  return saltText.length > SALT_CHARACTERS_MAX
    ? undefined
    : { salt: saltText, hash: Buffer.from(hash, 'hex') }
}

/** Whether the password is the one that was hashed; works off the event loop, in constant time for equal lengths. */
export async function verifyKuzzlePassword(password: string, kuzzle: KuzzlePassword): Promise<boolean> {
  const hash = await stretch(password, kuzzle.salt, ITERATIONS, HASH_BYTES, 'sha512')
  return timingSafeEqual(hash, kuzzle.hash)
}

const stretch = promisify(pbkdf2)
