import { hash, verify } from '@node-rs/argon2'
import { DomainError } from '../core/errors.ts'
import type { PasswordHasher } from '../core/ports/password-hasher.ts'
import type { Randomness } from '../core/ports/randomness.ts'
import { parseKuzzlePassword, verifyKuzzlePassword } from './kuzzle-password.ts'
import { createWorkQueue } from './work-queue.ts'

/** What OWASP recommends for argon2id: 19 MiB, two passes, one lane. */
const PARAMETERS = { memoryCost: 19_456, timeCost: 2, parallelism: 1, outputLen: 32 } as const
const PREFIX = '$argon2id$v=19$m=19456,t=2,p=1$'
const SALT_BYTES = 16

/** Hashes computed at once; each holds a thread and 19 MiB, and more than the cores have would only slow all down. */
const HASHES_AT_ONCE_MAX = 2

/** Hashes that may wait for their turn: about a second's worth. More would time out before they are served. */
const HASHES_WAITING_MAX = 64

/**
 * Hashes passwords with argon2id and keeps them as PHC strings. Hashes that Kuzzle made (see `KuzzlePassword`) are
 * verified too and count as outdated, as do argon2 hashes with other parameters.
 */
export function createArgon2Hasher(
  randomness: Randomness,
  bounds = { atOnceMax: HASHES_AT_ONCE_MAX, waitingMax: HASHES_WAITING_MAX },
): PasswordHasher {
  const enqueue = createWorkQueue(bounds)
  const inQueue = async <T>(work: () => Promise<T>): Promise<T> => {
    const result = enqueue(work)
    if (result !== undefined) return result
    throw new DomainError(
      'server.overloaded',
      `Cannot hash a password now: ${bounds.waitingMax} others are waiting already`,
    )
  }
  // No password has this hash, so checking one against it costs the same as any other check and fails.
  const nobodysHash = `${PREFIX}${base64(randomness.bytes(SALT_BYTES))}$${base64(randomness.bytes(PARAMETERS.outputLen))}`

  return {
    hash: (password) => inQueue(() => hash(password, { ...PARAMETERS, salt: randomness.bytes(SALT_BYTES) })),
    verify: (password, stored) =>
      inQueue(async () => {
        const kuzzle = stored === undefined ? undefined : parseKuzzlePassword(stored)
        if (kuzzle !== undefined) return verifyKuzzlePassword(password, kuzzle)
        const isRight = await verify(stored ?? nobodysHash, password)
        return stored !== undefined && isRight
      }),
    isOutdated: (stored) => !stored.startsWith(PREFIX),
  }
}

/** Base64 without padding, as PHC strings have it. */
function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64').replace(/=+$/, '')
}
