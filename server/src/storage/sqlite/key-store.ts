import type { AuditEvent } from '../../core/audit/audit-event.ts'
import type { ApiKey } from '../../core/keys/api-key.ts'
import type { KeyStore } from '../../core/ports/key-store.ts'
import type { WriteAudit } from './audit-store.ts'
import { createCreditsStore, prepareCreditsWriter } from './credits-store.ts'
import type { SqliteDatabase } from './database.ts'
import { createFingerprintRange } from './fingerprint-range.ts'
import { createKeyLifeCycleStore } from './key-life-cycle-store.ts'
import { createKeyListing } from './key-listing.ts'
import { KeyLookUp } from './key-look-up.ts'
import { KeyMemory } from './key-memory.ts'
import { KeyNews } from './key-news.ts'
import type { KeyParts } from './key-parts.ts'
import { createKeyPurge } from './key-purge.ts'
import { KeyWriter } from './key-writer.ts'
import { createKnoxKeyStore } from './knox-key-store.ts'
import { createOwnerLimitsStore } from './owner-limits-store.ts'
import type { RequireOwner } from './owners.ts'
import { preparePreviousSecrets } from './previous-secrets.ts'
import { prepareRevokedKeys, type RevokedKeys } from './revoked-keys.ts'
import { searchKeys } from './search.ts'
import { createUsageStore } from './usage-store.ts'

/** Keys in memory of a store that is opened for something else than verifications. */
const FEW_KEYS_IN_MEMORY = 1_000

/** What a connection remembers of keys, and how they end: the key store shares it with the user store. */
export type SharedKeys = {
  readonly memory: KeyMemory
  readonly news: KeyNews
  readonly revoked: RevokedKeys
}

/** Prepares what the stores of one database share of keys. */
export function shareKeys(database: SqliteDatabase, keysInMemoryMax: number): SharedKeys {
  const memory = new KeyMemory(keysInMemoryMax)
  const news = new KeyNews(database, memory)
  return { memory, news, revoked: prepareRevokedKeys(database, news) }
}

/** API keys in SQLite. */
export function createKeyStore(
  database: SqliteDatabase,
  writeAudit: WriteAudit,
  requireOwner: RequireOwner,
  { memory, news, revoked }: SharedKeys = shareKeys(database, FEW_KEYS_IN_MEMORY),
): KeyStore {
  const writer = new KeyWriter(database, requireOwner)
  const parts: KeyParts = { database, writeAudit, news, writer, revoked }
  const credits = prepareCreditsWriter(database)
  const secrets = preparePreviousSecrets(database)
  const lookUp = new KeyLookUp(database, memory, news)

  function add(key: ApiKey, event: AuditEvent): void {
    const seq = writer.insert(key)
    if (key.policy?.credits !== undefined) credits.start(seq, key.policy.credits, key.record.createdAt)
    if (key.previous !== undefined) secrets.keepOnly(seq, key.previous)
    news.keyCreated(key.fingerprint)
    writeAudit(event)
  }

  return {
    insert(key, perOwnerMax, event) {
      return database.change(() => {
        writer.requireRoomFor(key, perOwnerMax)
        add(key, event)
      })
    },
    ...createKnoxKeyStore(parts, add),
    lookUp: (fingerprint) => lookUp.find(fingerprint),
    ...createFingerprintRange(database),
    async findById(id) {
      return database.read(() => writer.find(id))?.key
    },
    async countByOwner(owner) {
      return database.read(() => writer.countOf(owner))
    },
    search: (owner, search) => searchKeys(database, owner, search),
    ...createKeyLifeCycleStore(parts, credits),
    ...createCreditsStore(parts),
    ...createUsageStore(parts),
    ...createKeyListing(database),
    ...createOwnerLimitsStore(parts, requireOwner),
    ...createKeyPurge(parts),
  }
}
