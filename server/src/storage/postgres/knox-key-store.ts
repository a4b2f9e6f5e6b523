import type { UserId } from '../../core/ids.ts'
import type { ApiKey } from '../../core/keys/api-key.ts'
import { isIssuedToUser } from '../../core/keys/namesakes.ts'
import type { KeyStore, OwnerRoom } from '../../core/ports/key-store.ts'
import type { Instant } from '../../core/record.ts'
import { type SqlText, sql } from '../../query/sql/sql-text.ts'
import { keyIdTaken, keyOwnerFull } from '../refusals.ts'
import { noteChanges } from './change.ts'
import { number, text } from './column.ts'
import type { KeyParts } from './key-parts.ts'
import { fingerprintsOf, KEY_COLUMNS, keyFromRow } from './key-row.ts'
import { insertKey, keyById, refusingTakenIds, requireStored } from './key-writer.ts'
import { COUNT_GONE, rememberGone } from './revoked-keys.ts'
import type { Transaction } from './transaction.ts'

/** Keys of Knox's family in PostgreSQL. */
export function createKnoxKeyStore({ database, audit }: KeyParts): Pick<KeyStore, 'insertKnox'> {
  /** @throws {DomainError} `key.owner_full` */
  async function makeRoom(
    transaction: Transaction,
    key: ApiKey,
    { max, replaceOldest }: OwnerRoom,
    now: Instant,
  ): Promise<ApiKey | undefined> {
    if (max >= 1 && !(await hasAsMany(transaction, key, max, now))) return undefined
    if (max < 1 || replaceOldest === undefined) throw keyOwnerFull(key.owner, max, max)
    const row = await transaction.first(endOldest(key, now, replaceOldest.revocation))
    if (row === undefined) throw keyOwnerFull(key.owner, max, max)
    const oldest = keyFromRow(row)
    noteChanges(transaction, [{ kind: 'keys', fingerprints: fingerprintsOf(oldest) }])
    transaction.later(audit.insert(replaceOldest.eventOf(oldest)))
    return oldest
  }

  return {
    insertKnox(key, room, event) {
      const insertion = { key, event }
      const change = database.change(async (transaction) => {
        if ((await transaction.first(keyById(key.id))) !== undefined) throw keyIdTaken(key.id)
        if (room !== undefined) await transaction.run(lockOwner(key.owner))
        const replaced = room && (await makeRoom(transaction, key, room, event.at))
        requireStored({ rows: await transaction.all(insertKey(audit, insertion)) }, insertion)
        return replaced
      })
      return refusingTakenIds(key.id, change)
    },
  }
}

/** Waits until nobody else gives the owner a key, and keeps others from it; makes the owner's row where there is none. */
function lockOwner(owner: UserId): SqlText {
  return sql`INSERT INTO owner_stats AS stats (owner, key_count, knox_count, last_seq) VALUES (${text(owner)}, 0, 0, 0)
    ON CONFLICT (owner) DO UPDATE SET key_count = stats.key_count`
}

/** The keys of the owner that live, and were issued to a user here or to a mere name as this one is. */
function livingBeside(key: ApiKey, now: Instant): SqlText {
  const trust = sql`coalesce(knox::json ->> 'ownerTrust', '')`
  return sql`family = 'knox' AND owner = ${text(key.owner)} AND (expires_at IS NULL OR expires_at > ${number(now)})
    AND ${isIssuedToUser(key) ? sql`${trust} = 'all'` : sql`${trust} <> 'all'`}`
}

async function hasAsMany(
  transaction: Transaction,
  key: ApiKey,
  count: number,
  now: Instant,
): Promise<boolean> {
  const nth = sql`SELECT 1 FROM keys WHERE ${livingBeside(key, now)} LIMIT 1 OFFSET ${count - 1}::bigint`
  return (await transaction.first(nth)) !== undefined
}

/** Revokes the key that was created first; as one statement that answers what it was. */
function endOldest(key: ApiKey, now: Instant, revocation: Parameters<typeof rememberGone>[0]): SqlText {
  return sql`WITH gone AS (
      DELETE FROM keys WHERE uid = (
        SELECT uid FROM keys WHERE ${livingBeside(key, now)} ORDER BY created_at, seq LIMIT 1 FOR UPDATE
      ) RETURNING *
    ), remembered AS (${rememberGone(revocation)}), counted AS (${COUNT_GONE})
    SELECT ${KEY_COLUMNS} FROM gone`
}
