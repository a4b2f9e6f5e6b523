import type { UserId } from '../../core/ids.ts'
import type { SqliteDatabase } from './database.ts'
import type { SearchIndex } from './search-index.ts'

/** Owners whose indexes are being brought up to date, by database. */
const running = new WeakMap<SqliteDatabase, Set<UserId>>()

/**
 * Brings the index of an owner's descriptions up to date in the background, batch by batch in changes of their own.
 * Searches are right without it, but read each key that is not in the index. Does nothing while it is at it already.
 */
export function catchUp(database: SqliteDatabase, index: SearchIndex, owner: UserId): void {
  const owners = running.get(database) ?? new Set<UserId>()
  running.set(database, owners)
  if (owners.has(owner)) return
  owners.add(owner)
  indexAll(database, index, owner)
    // Whatever stopped it, such as a storage that closes, concerns nobody: the next search starts it again.
    .catch(() => undefined)
    .finally(() => owners.delete(owner))
}

/** Adds all keys of an owner to the index. */
export async function indexAll(database: SqliteDatabase, index: SearchIndex, owner: UserId): Promise<void> {
  while (await database.change(() => index.indexNext(owner))) {
    // Each batch is a change of its own, so that others get their turn between.
  }
}
