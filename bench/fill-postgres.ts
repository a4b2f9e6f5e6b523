import type { UserId } from '../server/src/core/ids.ts'
import { sql } from '../server/src/query/sql/sql-text.ts'
import { json } from '../server/src/storage/postgres/column.ts'
import type { PostgresDatabase } from '../server/src/storage/postgres/database.ts'
import { describedKey } from './described-keys.ts'

/** Keys that one statement stores. */
const AT_ONCE = 5_000

/** Microseconds between two keys, as if some 3,000 were created each second. */
const APART = 333

const FIRST_SEQ = 1_700_000_000_000_000

/**
 * Stores the first keys of an owner, without audit events, as many statements of many keys: much faster than creating
 * them one by one, and the same in the end.
 */
export async function fillOwner(database: PostgresDatabase, owner: UserId, keys: number): Promise<void> {
  await database.changeBy(sql`INSERT INTO owner_stats (owner, key_count, knox_count, last_seq)
    VALUES (${owner}::text, ${keys}::bigint, 0, ${FIRST_SEQ + keys * APART}::bigint)`)
  for (let done = 0; done < keys; done += AT_ONCE) {
    const batch = Array.from({ length: Math.min(AT_ONCE, keys - done) }, (_, n) => rowOf(owner, done + n))
    await database.changeBy(sql`INSERT INTO keys
        (uid, seq, fingerprint, id, owner, description, ttl_ms, expires_at, created_by, created_at)
      SELECT gen_random_uuid(), seq, decode(fingerprint, 'hex'), id, ${owner}::text, description, ttl, ends,
        ${owner}::text, created
      FROM jsonb_to_recordset(${json(batch)}::jsonb) AS key
        (seq bigint, fingerprint text, id text, description text, ttl float8, ends float8, created float8)`)
    if (done % 100_000 === 0 && done > 0) process.stderr.write(`  ${done} of ${keys} keys\n`)
  }
}

function rowOf(owner: UserId, n: number) {
  const { id, fingerprint, description, ttlMs, expiresAt, record } = describedKey(owner, n)
  const seq = FIRST_SEQ + (n + 1) * APART
  return { seq, fingerprint, id, description, ttl: ttlMs, ends: expiresAt, created: record.createdAt }
}
