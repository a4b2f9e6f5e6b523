import type { ConfigStore } from '../ports/config-store.ts'
import type { HashKeyId } from '../ports/legacy-key-store.ts'
import { fingerprintOf } from './fingerprint.ts'
import { Secret } from './secret.ts'

/** The keys with which Knox hashed tokens; of each installation that was moved here there is one. */
export interface HashKeys {
  /** Keeps a key for good; answers what it is called from now on. */
  keep(hashKey: Secret): Promise<HashKeyId>
  /** At once when it was asked for before. */
  find(id: HashKeyId): Secret | undefined | Promise<Secret | undefined>
}

/** Hash keys in the store, each under a name that follows from it, so that none is ever replaced by another. */
export function createHashKeys(config: ConfigStore): HashKeys {
  const known = new Map<HashKeyId, Secret>()

  async function read(id: HashKeyId): Promise<Secret | undefined> {
    const text = (await config.read(nameOf(id)))?.['text']
    if (typeof text !== 'string') return undefined
    const secret = new Secret(text)
    known.set(id, secret)
    return secret
  }

  return {
    async keep(hashKey) {
      const id = hashKeyId(hashKey)
      await config.readOrCreate(nameOf(id), { text: hashKey.reveal() })
      known.set(id, hashKey)
      return id
    },
    find: (id) => known.get(id) ?? read(id),
  }
}

/** What a hash key is called: too little of its SHA-256 to find it by trying. */
export function hashKeyId(hashKey: Secret): HashKeyId {
  return fingerprintOf(hashKey.reveal()).slice(0, ID_LENGTH)
}

const ID_LENGTH = 16

function nameOf(id: HashKeyId): string {
  return `knox.hash-key.${id}`
}
