import type { UserId } from '../../core/ids.ts'
import { sql } from '../../query/sql/sql-text.ts'
import { column } from './column.ts'
import type { PostgresDatabase } from './database.ts'
import { INDEX_BATCH_KEYS, INDEXED_FROM_KEYS, indexNext, tidyNext } from './search-index.ts'

/** Owners whose indexes this node is bringing up to date, by database. */
const running = new WeakMap<PostgresDatabase, Map<UserId, Promise<void>>>()

/** Owners whose indexes this node brings up to date at once. */
const OWNERS_AT_ONCE = 2

/**
 * Brings the index of an owner's descriptions up to date in the background, batch by batch in transactions of their own.
 * Searches are right without it, but read each key that is not in the index. Does nothing while it, or another node, is at
 * it already.
 */
export function catchUp(database: PostgresDatabase, owner: UserId): void {
  const owners = running.get(database) ?? new Map<UserId, Promise<void>>()
  running.set(database, owners)
  if (owners.has(owner) || owners.size >= OWNERS_AT_ONCE) return
  const work = indexAll(database, owner)
    // Whatever stopped it, such as a storage that closes, concerns nobody: the next search starts it again.
    .catch(() => undefined)
    .finally(() => owners.delete(owner))
  owners.set(owner, work)
}

/** Resolves when nothing is brought up to date any more. */
export async function caughtUp(database: PostgresDatabase): Promise<void> {
  await Promise.all(running.get(database)?.values() ?? [])
}

/** Adds all keys of an owner to the index, and brings that in order. `keysMax`: of each batch. */
export async function indexAll(database: PostgresDatabase, owner: UserId, keysMax?: number): Promise<void> {
  while (await indexNext(database, owner, keysMax)) {
    while (await tidyNext(database, owner)) {
      // Each step is a transaction of its own, so that others get their turn between.
    }
  }
  while (await tidyNext(database, owner)) {
    // Keys may have gone without new ones coming.
  }
}

/** Starts to bring up to date those indexes that lag behind most, so that the first search need not. */
export async function catchUpWithMost(database: PostgresDatabase): Promise<void> {
  const rows = await database.readMany(sql`SELECT stats.owner FROM owner_stats AS stats
    LEFT JOIN key_index_owner AS indexed ON indexed.owner = stats.owner
    WHERE stats.key_count >= ${INDEXED_FROM_KEYS}::bigint
      AND stats.key_count - coalesce(indexed.keys, 0) >= ${INDEX_BATCH_KEYS}::bigint
    ORDER BY stats.key_count - coalesce(indexed.keys, 0) DESC LIMIT ${OWNERS_AT_ONCE}::bigint`)
  for (const row of rows) catchUp(database, column<UserId>(row, 0))
}
