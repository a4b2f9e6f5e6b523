import { createPublicKey, type KeyObject } from 'node:crypto'
import { z } from 'zod'
import type { Clock } from '../../core/ports/clock.ts'

/** The public keys with which GitHub signs its reports of leaked secrets. */
export interface GithubKeys {
  /** Undefined: GitHub has no such key. @throws {Error} when GitHub cannot be asked. */
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

/** Asks that URL for the keys when they are first needed, and again when one is named that is not among them. */
export function createGithubKeys(url: string, clock: Clock): GithubKeys {
  let known: ReadonlyMap<string, KeyObject> = new Map()
  let askedAt = Number.NEGATIVE_INFINITY
  let asking: Promise<void> | undefined

  const ask = async (): Promise<void> => {
    askedAt = clock.now()
    known = await fetchKeys(url)
  }

  return {
    async find(identifier) {
      const found = known.get(identifier)
      if (found !== undefined) return found
      if (asking === undefined && clock.now() - askedAt >= ASKED_EVERY_MS) {
        asking = ask().finally(() => {
          asking = undefined
        })
      }
      await asking
      return known.get(identifier)
    },
  }
}

async function fetchKeys(url: string): Promise<ReadonlyMap<string, KeyObject>> {
  const response = await fetch(url, {
    headers: { accept: 'application/json', 'user-agent': 'latchkey' },
    redirect: 'error',
    signal: AbortSignal.timeout(ANSWER_MS_MAX),
  })
  if (!response.ok) throw new Error(`Cannot ask for the keys of reports: the answer was ${response.status}`)
  const text = await response.text()
  if (text.length > ANSWER_BYTES_MAX)
    throw new Error('Cannot ask for the keys of reports: the answer is too long')
  const { public_keys: keys } = PUBLIC_KEYS.parse(JSON.parse(text))
  return new Map(keys.map(({ key_identifier, key }) => [key_identifier, signingKeyOf(key)]))
}

function signingKeyOf(pem: string): KeyObject {
  const key = createPublicKey(pem)
  if (key.asymmetricKeyDetails?.namedCurve === 'prime256v1') return key
  throw new Error('Cannot use a key of reports: it is none of the curve P-256')
}
