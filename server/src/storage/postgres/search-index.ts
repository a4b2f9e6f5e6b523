import type { UserId } from '../../core/ids.ts'
import { sql } from '../../query/sql/sql-text.ts'
import { yieldIfLong } from '../../query/turns.ts'
import { WordPacker } from '../word-packer.ts'
import { column, text } from './column.ts'
import type { Row } from './connection.ts'
import type { PostgresDatabase } from './database.ts'
import { GONE_KEPT_MAX, rewriteNext } from './index-merge.ts'
import { writeSegment } from './index-segments.ts'
import type { Transaction } from './transaction.ts'

/** Keys from which on an owner's descriptions are indexed; below, reading them all takes a few ms. */
export const INDEXED_FROM_KEYS = 5_000

/** Keys that are worth adding to an index, and those that are added at once at most. */
export const INDEX_BATCH_KEYS = 256
const INDEX_BATCH_KEYS_MAX = 2_048

/** Characters of descriptions from which on no more keys are added at once. */
const BATCH_CHARACTERS = 524_288

/** SQL of the upkeep, for the test that asks PostgreSQL how it finds what it is about. */
export const UPKEEP_STATEMENTS = {
  isNoted: (
    owner: UserId,
  ) => sql`SELECT coalesce(noted_from <= pg_snapshot_xmax(pg_current_snapshot()), FALSE)
    FROM key_index_owner WHERE owner = ${text(owner)}`,
  /** The owner's index, unless another node is at it, or changes are under way that know nothing of it. */
  lock: (owner: UserId) => sql`SELECT no, indexed_to FROM key_index_owner
    WHERE owner = ${text(owner)} AND noted_from <= pg_snapshot_xmin(pg_current_snapshot())
    FOR NO KEY UPDATE SKIP LOCKED`,
  waiting: (owner: UserId, after: number, keys: number) => sql`SELECT seq, description FROM (
      SELECT seq, description, sum(length(description)) OVER (ORDER BY seq) - length(description) AS before FROM (
        SELECT seq, description FROM keys WHERE owner = ${text(owner)} AND seq > ${after}::bigint
        ORDER BY seq LIMIT ${keys}::bigint
      ) AS next
    ) AS measured WHERE before < ${BATCH_CHARACTERS}::bigint ORDER BY seq`,
} as const

/**
 * Adds the next batch of an owner's keys to the index of descriptions; false when none waits, another node is at it, or it
 * is too early. Nobody who changes keys waits for it.
 *
 * `keysMax`: how many keys a batch may have.
 */
export async function indexNext(
  database: PostgresDatabase,
  owner: UserId,
  keysMax: number = INDEX_BATCH_KEYS_MAX,
): Promise<boolean> {
  await noteOwner(database, owner)
  return withIndex(database, owner, (transaction, index) => addBatch(transaction, owner, index, keysMax))
}

/**
 * Takes the next step of bringing an owner's index in order; false when it is, or another node is at it. `goneKeptMax`: how
 * many keys searches may be left to leave out.
 */
export function tidyNext(
  database: PostgresDatabase,
  owner: UserId,
  goneKeptMax: number = GONE_KEPT_MAX,
): Promise<boolean> {
  return withIndex(database, owner, (transaction, { no }) => rewriteNext(transaction, no, goneKeptMax))
}

type LockedIndex = { readonly no: number; readonly indexedTo: number }

/**
 * Changes an index that no other node changes meanwhile. Everything is seen as it was at the first statement: whoever
 * changes a key later leaves in `key_index_gone` what it was then.
 */
function withIndex(
  database: PostgresDatabase,
  owner: UserId,
  work: (transaction: Transaction, index: LockedIndex) => Promise<boolean>,
): Promise<boolean> {
  return database.change(async (transaction) => {
    transaction.later(sql`SET TRANSACTION ISOLATION LEVEL REPEATABLE READ`)
    transaction.later(sql`LOCK TABLE ONLY keys IN ACCESS SHARE MODE`)
    const row = await transaction.first(UPKEEP_STATEMENTS.lock(owner))
    if (row === undefined) return false
    return work(transaction, { no: column<number>(row, 0), indexedTo: column<number>(row, 1) })
  })
}

/**
 * Makes the owner's row, and remembers from which transaction on all see it: a transaction that began to change keys
 * earlier may not have noted that.
 */
async function noteOwner(database: PostgresDatabase, owner: UserId): Promise<void> {
  const row = await database.first(UPKEEP_STATEMENTS.isNoted(owner))
  if (row?.[0] === true) return
  await database.changeBy(sql`INSERT INTO key_index_owner (owner)
    SELECT owner FROM owner_stats WHERE owner = ${text(owner)} ON CONFLICT DO NOTHING`)
  // Later than any there is: of another server, which the tables were copied from.
  await database.changeBy(sql`UPDATE key_index_owner SET noted_from = pg_snapshot_xmax(pg_current_snapshot())
    WHERE owner = ${text(owner)}
      AND (noted_from IS NULL OR noted_from > pg_snapshot_xmax(pg_current_snapshot()))`)
}

async function addBatch(
  transaction: Transaction,
  owner: UserId,
  { no, indexedTo }: LockedIndex,
  keysMax: number,
): Promise<boolean> {
  const rows = await transaction.all(UPKEEP_STATEMENTS.waiting(owner, indexedTo, keysMax))
  const first = rows[0]
  const last = rows.at(-1)
  if (first === undefined || last === undefined) return false
  const keys = { first: column<number>(first, 0), last: column<number>(last, 0) }
  // They are indexed as they are now. It fails when others change one of them at the same time.
  await transaction.run(sql`DELETE FROM key_index_gone
    WHERE owner_no = ${no}::bigint AND seq > ${indexedTo}::bigint AND seq <= ${keys.last}::bigint`)
  const { chunks, texts, words } = await packWords(rows)
  await writeSegment(transaction, no, keys, chunks)
  transaction.later(sql`UPDATE key_index_owner SET noted_from = '0', indexed_to = ${keys.last}::bigint,
    keys = keys + ${rows.length}::bigint, texts = texts + ${texts}::bigint, words = words + ${words}::bigint
    WHERE no = ${no}::bigint`)
  return true
}

async function packWords(rows: readonly Row[]) {
  const packer = new WordPacker()
  for (const row of rows) {
    packer.add(column<number>(row, 0), column<string>(row, 1))
    await yieldIfLong()
  }
  return packer.finishPolitely()
}
