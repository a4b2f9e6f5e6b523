import { createPublicKey, type KeyObject } from 'node:crypto'
import { z } from 'zod'
import type { Clock } from '../../core/ports/clock.ts'
import { fetchBounded } from '../../transports/http/fetch-bounded.ts'

/** The public keys with which GitHub signs its reports of leaked secrets. */
export interface GithubKeys {
  /** Undefined: GitHub has no such key. @throws {Error} GitHub could not be asked, now or shortly before. */
  find(identifier: string): Promise<KeyObject | undefined>
}

/** So often at most GitHub is asked because of an identifier that is not known: anybody may name one. */
export const ASKED_EVERY_MS = 60_000

const ANSWER_MS_MAX = 5_000
const ANSWER_BYTES_MAX = 1_000_000
const KEYS_MAX = 100

const PUBLIC_KEYS = z.object({
  public_keys: z
    .array(z.object({ key_identifier: z.string().max(256), key: z.string().max(10_000) }))
    .max(KEYS_MAX),
})

/**
 * Asks that URL for the keys when they are first needed, and again when one is named that is not among them. `onFailure` is
 * told why they could not be had.
 */
export function createGithubKeys(
  url: string,
  clock: Clock,
  onFailure: (error: unknown) => void = () => {},
): GithubKeys {
  let known: ReadonlyMap<string, KeyObject> = new Map()
  let askedAt = Number.NEGATIVE_INFINITY
  let asked: Promise<void> = Promise.resolve()

  const ask = async (): Promise<void> => {
    try {
      known = await fetchKeys(url)
    } catch (error) {
      onFailure(error)
      throw error
    }
  }

  return {
    async find(identifier) {
      const found = known.get(identifier)
      if (found !== undefined) return found
      if (clock.now() - askedAt >= ASKED_EVERY_MS) {
        askedAt = clock.now()
        asked = ask()
      }
      await asked
      return known.get(identifier)
    },
  }
}

async function fetchKeys(url: string): Promise<ReadonlyMap<string, KeyObject>> {
  const response = await fetchBounded(ANSWER_BYTES_MAX)(url, {
    headers: { accept: 'application/json', 'user-agent': 'latchkey' },
    redirect: 'error',
    signal: AbortSignal.timeout(ANSWER_MS_MAX),
  })
  if (!response.ok) throw new Error(`Cannot ask for the keys of reports: the answer was ${response.status}`)
  const { public_keys: keys } = PUBLIC_KEYS.parse(await response.json())
  return new Map(keys.map(({ key_identifier, key }) => [key_identifier, signingKeyOf(key)]))
}

function signingKeyOf(pem: string): KeyObject {
  const key = createPublicKey(pem)
  if (key.asymmetricKeyDetails?.namedCurve === 'prime256v1') return key
  throw new Error('Cannot use a key of reports: it is none of the curve P-256')
}
