import type { KeyStore } from '../../core/ports/key-store.ts'
import type { AccessRevision } from './access-memory.ts'
import { createCreditsStore } from './credits-store.ts'
import { createKeyLifeCycleStore } from './key-life-cycle-store.ts'
import { createKeyListing } from './key-listing.ts'
import { KeyLookUp } from './key-look-up.ts'
import type { KeyMemory } from './key-memory.ts'
import type { KeyParts } from './key-parts.ts'
import { createKeyPurge } from './key-purge.ts'
import { insertKey, keyById, refusingTakenIds, requireStored, storedKeyFromRow } from './key-writer.ts'
import { createKnoxKeyStore } from './knox-key-store.ts'
import { createOwnerLimitsStore } from './owner-limits-store.ts'
import { countKeys, searchKeys } from './search.ts'
import { createUsageStore } from './usage-store.ts'

/** API keys in PostgreSQL. */
export function createKeyStore(parts: KeyParts, memory: KeyMemory, revision: AccessRevision): KeyStore {
  const { database, audit } = parts
  const lookUp = new KeyLookUp(database, memory, revision)
  return {
    async insert(key, perOwnerMax, event) {
      const insertion = { key, perOwnerMax, event }
      const stored = database.changeBy(insertKey(audit, insertion))
      requireStored(await refusingTakenIds(key.id, stored), insertion)
    },
    ...createKnoxKeyStore(parts),
    lookUp: (fingerprint) => lookUp.find(fingerprint),
    async findById(id) {
      const row = await database.first(keyById(id))
      return row && storedKeyFromRow(row).key
    },
    countByOwner: (owner) => countKeys(database, owner),
    search: (owner, search) => searchKeys(database, owner, search),
    ...createKeyLifeCycleStore(parts),
    ...createCreditsStore(parts),
    ...createUsageStore(parts),
    ...createKeyListing(parts),
    ...createOwnerLimitsStore(parts),
    ...createKeyPurge(parts),
  }
}
