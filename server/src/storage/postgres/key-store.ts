import type { KeyStore } from '../../core/ports/key-store.ts'
import { createCreditsStore } from './credits-store.ts'
import { createFingerprintRange } from './fingerprint-range.ts'
import { createKeyLifeCycleStore } from './key-life-cycle-store.ts'
import { createKeyListing } from './key-listing.ts'
import { KeyLookUp, type KeyLookUpParts } from './key-look-up.ts'
import type { KeyParts } from './key-parts.ts'
import { createKeyPurge } from './key-purge.ts'
import { fingerprintsOf } from './key-row.ts'
import { insertKey, keyById, refusingTakenIds, requireStored, storedKeyFromRow } from './key-writer.ts'
import { createKnoxKeyStore } from './knox-key-store.ts'
import { createOwnerLimitsStore } from './owner-limits-store.ts'
import { countKeys, searchKeys } from './search.ts'
import { createUsageStore } from './usage-store.ts'

/** API keys in PostgreSQL. */
export function createKeyStore(parts: KeyParts, lookUpParts: KeyLookUpParts): KeyStore {
  const { database, audit } = parts
  const { memory } = lookUpParts
  const lookUp = new KeyLookUp(lookUpParts)
  const knox = createKnoxKeyStore(parts)
  return {
    async insert(key, perOwnerMax, event) {
      const insertion = { key, perOwnerMax, event }
      const stored = database.changeBy(insertKey(audit, insertion))
      requireStored(await refusingTakenIds(key.id, stored), insertion)
      // Other nodes need not be told: what they remember to lead to nothing they ask for again soon.
      memory.forget(fingerprintsOf(key))
    },
    async insertKnox(key, room, event) {
      const replaced = await knox.insertKnox(key, room, event)
      memory.forget(fingerprintsOf(key))
      return replaced
    },
    lookUp: (fingerprint) => lookUp.find(fingerprint),
    ...createFingerprintRange(database),
    async findById(id) {
      const row = await database.first(keyById(id))
      return row && storedKeyFromRow(row).key
    },
    countByOwner: (owner) => countKeys(database, owner),
    search: (owner, search) => searchKeys(database, owner, search),
    ...createKeyLifeCycleStore(parts),
    ...createCreditsStore(parts, parts.leases),
    ...createUsageStore(parts),
    ...createKeyListing(parts),
    ...createOwnerLimitsStore(parts),
    ...createKeyPurge(parts),
  }
}
