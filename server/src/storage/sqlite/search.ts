import type { Credentials } from '../../core/access/credentials.ts'
import type { Profile } from '../../core/access/profile.ts'
import type { Role } from '../../core/access/role.ts'
import type { User } from '../../core/access/user.ts'
import type { UserId } from '../../core/ids.ts'
import type { ApiKey } from '../../core/keys/api-key.ts'
import type { Search, SearchPage } from '../../query/search.ts'
import { sql } from '../../query/sql/sql-text.ts'
import type { SqliteDatabase } from './database.ts'
import type { SearchedRows } from './row-reader.ts'
import { CREDENTIALS, KEYS, PROFILES, ROLES, USERS } from './search-tables.ts'
import { searchTable } from './table-search.ts'

/** The owner's keys that match. @throws {QueryError} */
export function searchKeys(
  database: SqliteDatabase,
  owner: UserId,
  search: Search,
): Promise<SearchPage<ApiKey>> {
  const count = database.statement('SELECT key_count FROM owner_stats WHERE owner = ?')
  return searchTable(database, KEYS, search, {
    // `+` keeps SQLite from the owner's index where the query's own condition is the better one.
    scope: sql`owner = ${owner}`,
    scopeUnindexed: sql`+owner = ${owner}`,
    count: () => Number(database.read(() => count.get(owner))?.[0] ?? 0),
  })
}

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
