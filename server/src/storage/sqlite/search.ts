import type { Credentials } from '../../core/access/credentials.ts'
import type { Profile } from '../../core/access/profile.ts'
import type { Role } from '../../core/access/role.ts'
import type { User } from '../../core/access/user.ts'
import type { UserId } from '../../core/ids.ts'
import type { ApiKey } from '../../core/keys/api-key.ts'
import type { Search, SearchPage } from '../../query/search.ts'
import { sql } from '../../query/sql/sql-text.ts'
import { catchUp } from './catch-up.ts'
import type { SqliteDatabase } from './database.ts'
import { pageByIndex } from './indexed-key-search.ts'
import { KeyIndex } from './key-index.ts'
import type { SearchedRows } from './row-reader.ts'
import { INDEX_BATCH_KEYS, INDEXED_FROM_KEYS, prepareSearchIndex } from './search-index.ts'
import { CREDENTIALS, KEYS, PROFILES, ROLES, type SearchTable, USERS } from './search-tables.ts'
import { pageByJudging, searchTable } from './table-search.ts'

/**
 * The owner's keys that match; `indexedFrom`: how many keys make the index of their descriptions worth a look.
 *
 * @throws {QueryError}
 */
export function searchKeys(
  database: SqliteDatabase,
  owner: UserId,
  search: Search,
  indexedFrom = INDEXED_FROM_KEYS,
): Promise<SearchPage<ApiKey>> {
  const count = database.statement('SELECT key_count FROM owner_stats WHERE owner = ?')
  const rows: SearchedRows = {
    scope: sql`owner = ${owner}`,
    // `+` keeps SQLite from the owner's index where the query's own condition is the better one.
    scopeUnindexed: sql`+owner = ${owner}`,
    count: () => Number(database.read(() => count.get(owner))?.[0] ?? 0),
  }
  const table = keysOf(owner)
  if (rows.count() < indexedFrom) return searchTable(database, table, search, rows)
  return searchTable(database, table, search, rows, (documents, asked) => {
    const index = KeyIndex.open(database, owner)
    const waiting = rows.count() - (index?.keys ?? 0)
    if (waiting > UNINDEXED_KEYS_MAX) catchUp(database, prepareSearchIndex(database), owner)
    return index === undefined ? pageByJudging(documents, asked) : pageByIndex(index, documents, asked)
  })
}

/** The keys of one owner: what a search asks of their `userId`, all of them answer alike. */
function keysOf(owner: UserId): SearchTable<ApiKey> {
  const columns = new Map(KEYS.columns)
  return { ...KEYS, columns: columns.set('userId', { kind: 'constant', term: owner }) }
}

/** Keys outside the index that searches read without complaint; more are worth a batch of their own. */
const UNINDEXED_KEYS_MAX = 4 * INDEX_BATCH_KEYS

/** The users that match. @throws {QueryError} */
export function searchUsers(database: SqliteDatabase, search: Search): Promise<SearchPage<User>> {
  return searchTable(database, USERS, search, wholeTable(database, 'users'))
}

/** The profiles that match. @throws {QueryError} */
export function searchProfiles(database: SqliteDatabase, search: Search): Promise<SearchPage<Profile>> {
  return searchTable(database, PROFILES, search, wholeTable(database, 'profiles'))
}

/** The roles that match. @throws {QueryError} */
export function searchRoles(database: SqliteDatabase, search: Search): Promise<SearchPage<Role>> {
  return searchTable(database, ROLES, search, wholeTable(database, 'roles'))
}

/** The credentials that match. @throws {QueryError} */
export function searchCredentials(
  database: SqliteDatabase,
  search: Search,
): Promise<SearchPage<Credentials>> {
  return searchTable(database, CREDENTIALS, search, wholeTable(database, 'credentials'))
}

type TableName = 'users' | 'profiles' | 'roles' | 'credentials'

function wholeTable(database: SqliteDatabase, name: TableName): SearchedRows {
  const count = database.statement(`SELECT count(*) FROM ${name}`)
  return {
    scope: sql`TRUE`,
    scopeUnindexed: sql`TRUE`,
    count: () => Number(database.read(() => count.get())?.[0]),
  }
}
