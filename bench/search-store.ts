import type { AuditEvent } from '../server/src/core/audit/audit-event.ts'
import type { KeyId, UserId } from '../server/src/core/ids.ts'
import type { ApiKey } from '../server/src/core/keys/api-key.ts'
import { fingerprintOf } from '../server/src/core/keys/fingerprint.ts'
import type { KeyStore } from '../server/src/core/ports/key-store.ts'
import type { SqliteDatabase } from '../server/src/storage/sqlite/database.ts'
import { createKeyStore } from '../server/src/storage/sqlite/key-store.ts'
import { openDatabase } from '../server/src/storage/sqlite/open-database.ts'

/** Inserts that are under way at once. */
const AT_ONCE = 256

/** Keys of owners that need not exist, on disk. */
export type SearchStore = { readonly database: SqliteDatabase; readonly keys: KeyStore }

/** Opens a file of keys. Audit events are left out, as in any store that was filled long ago. */
export async function openSearchStore(file: string): Promise<SearchStore> {
  const database = await openDatabase(file, { waitingMax: 10_000, lockWaitMaxMs: 10_000 })
  const keys = createKeyStore(
    database,
    () => undefined,
    () => undefined,
  )
  return { database, keys }
}

const EVENT: AuditEvent = {
  at: 0,
  action: 'key.create',
  outcome: 'done',
  actor: '-1' as UserId,
  subject: 'bench',
  origin: { carrier: 'cli', requestId: 'bench', local: true },
}

/** Stores keys `from` to below `to`, and answers how many a second. `ownerOf` spreads them. */
export async function insertKeys(
  { keys }: SearchStore,
  from: number,
  to: number,
  ownerOf: (n: number) => string,
): Promise<number> {
  const startedAt = performance.now()
  for (let n = from; n < to; n += AT_ONCE) {
    const batch = Array.from({ length: Math.min(AT_ONCE, to - n) }, (_, index) => n + index)
    await Promise.all(batch.map((one) => keys.insert(benchKey(one, ownerOf(one)), undefined, EVENT)))
  }
  return ((to - from) * 1000) / (performance.now() - startedAt)
}

const PLACES = ['gateway', 'sensor', 'backend', 'frontend', 'batch', 'mobile', 'partner', 'lab']
const PURPOSES = ['production', 'staging', 'test', 'permanent', 'temporary', 'rotation', 'backup']

/** The created keys are a minute apart, from the first of 2024 on. */
const START = Date.UTC(2024, 0, 1)

/** A key with 5 to 8 words: two that nearly all have, two that many have, one that few have, one that only it has. */
function benchKey(n: number, owner: string): ApiKey {
  const mixed = Math.imul(n, 2_654_435_761) >>> 0
  const place = PLACES[mixed % PLACES.length]
  const purpose = PURPOSES[(mixed >>> 8) % PURPOSES.length]
  const words = ['API key', mixed % 4 === 0 ? 'LoRa' : 'Sigfox', place, purpose, `site${mixed % 5000}`, `unit${n}`]
  const createdAt = START + n * 60_000
  return {
    id: `k${n}` as KeyId,
    owner: owner as UserId,
    description: words.join(' '),
    fingerprint: fingerprintOf(`${n}`),
    ...(n % 3 !== 0 && { ttlMs: 86_400_000, expiresAt: createdAt + 86_400_000 }),
    record: { createdBy: owner as UserId, createdAt },
  }
}
