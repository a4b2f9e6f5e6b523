import type { AuditEvent } from '../../core/audit/audit-event.ts'
import type { ApiKey } from '../../core/keys/api-key.ts'
import { isIssuedToUser } from '../../core/keys/namesakes.ts'
import type { KeyStore, OwnerRoom } from '../../core/ports/key-store.ts'
import type { Instant } from '../../core/record.ts'
import { keyOwnerFull } from '../refusals.ts'
import { column } from './column.ts'
import type { KeyParts } from './key-parts.ts'
import { KEY_COLUMN_COUNT, KEY_COLUMNS, keyFromRow } from './key-row.ts'
import type { StoredKey } from './key-writer.ts'

// The third value: 1 for keys that were issued to a user here, 0 for those to a mere name.
const LIVING = `FROM keys WHERE family = 'knox' AND owner = ? AND (expires_at IS NULL OR expires_at > ?)
    AND (coalesce(json_extract(knox, '$.ownerTrust'), '') = 'all') = ?`

/** SQL about keys of Knox's family, for the test that asks SQLite how it answers it. */
export const KNOX_LOOKUPS = {
  nth: `SELECT 1 ${LIVING} LIMIT 1 OFFSET ?`,
  oldest: `SELECT ${KEY_COLUMNS}, seq ${LIVING} ORDER BY created_at, seq LIMIT 1`,
} as const

/** Keys of Knox's family in SQLite. `add` stores a key inside a change. */
export function createKnoxKeyStore(
  { database, writeAudit, news, writer, revoked }: KeyParts,
  add: (key: ApiKey, event: AuditEvent) => void,
): Pick<KeyStore, 'insertKnox'> {
  const nth = database.statement(KNOX_LOOKUPS.nth)
  const oldest = database.statement(KNOX_LOOKUPS.oldest)

  function findOldest(key: ApiKey, now: Instant): StoredKey | undefined {
    const row = oldest.get(key.owner, now, kindOf(key))
    return row && { key: keyFromRow(row), seq: column<number>(row, KEY_COLUMN_COUNT) }
  }

  /** @throws {DomainError} `key.owner_full` */
  function makeRoom(key: ApiKey, { max, replaceOldest }: OwnerRoom, now: Instant): ApiKey | undefined {
    const isFull = max < 1 || nth.get(key.owner, now, kindOf(key), max - 1) !== undefined
    if (!isFull) return undefined
    const stored = max < 1 || replaceOldest === undefined ? undefined : findOldest(key, now)
    if (stored === undefined || replaceOldest === undefined) throw keyOwnerFull(key.owner, max, max)
    revoked.add(stored.seq, replaceOldest.revocation)
    writer.removed(stored)
    const { fingerprint, previous = [] } = stored.key
    news.keysChanged([fingerprint, ...previous.map((secret) => secret.fingerprint)])
    writeAudit(replaceOldest.eventOf(stored.key))
    return stored.key
  }

  return {
    insertKnox(key, room, event) {
      return database.change(() => {
        writer.requireRoomFor(key, undefined)
        const replaced = room && makeRoom(key, room, event.at)
        add(key, event)
        return replaced
      })
    },
  }
}

function kindOf(key: ApiKey): number {
  return isIssuedToUser(key) ? 1 : 0
}
