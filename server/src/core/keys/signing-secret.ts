import type { ConfigStore } from '../ports/config-store.ts'
import type { Randomness } from '../ports/randomness.ts'

/** Name under which the generated secret is kept. */
export const SIGNING_SECRET_NAME = 'tokens.signing-secret'

/** 512 bits: as much as the largest hash that signs. */
const SECRET_BYTES = 64

/**
 * The secret that signs tokens: the configured one, else one that is generated once and kept in the store for good.
 *
 * Nothing is accepted because of a signature, so knowing this secret lets nobody in.
 */
export function createSigningSecret(deps: {
  readonly configured: string | undefined
  readonly config: ConfigStore
  readonly randomness: Randomness
}): () => Promise<string> {
  let known = deps.configured
  return async () => {
    known ??= await readOrGenerate(deps.config, deps.randomness)
    return known
  }
}

async function readOrGenerate(config: ConfigStore, randomness: Randomness): Promise<string> {
  const seed = Buffer.from(randomness.bytes(SECRET_BYTES)).toString('hex')
  const stored = (await config.readOrCreate(SIGNING_SECRET_NAME, { seed }))['seed']
  if (typeof stored !== 'string') throw new Error(`The stored "${SIGNING_SECRET_NAME}" has no seed`)
  return stored
}
