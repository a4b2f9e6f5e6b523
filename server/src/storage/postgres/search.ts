import type { Credentials } from '../../core/access/credentials.ts'
import type { Profile } from '../../core/access/profile.ts'
import type { Role } from '../../core/access/role.ts'
import type { User } from '../../core/access/user.ts'
import type { UserId } from '../../core/ids.ts'
import type { ApiKey } from '../../core/keys/api-key.ts'
import type { Search, SearchPage } from '../../query/search.ts'
import { type SqlText, sql } from '../../query/sql/sql-text.ts'
import { text } from './column.ts'
import type { PostgresDatabase } from './database.ts'
import { CREDENTIALS, KEYS, PROFILES, ROLES, type SearchTable, USERS } from './search-tables.ts'
import { type Scope, searchTable } from './table-search.ts'

/** The owner's keys that match. @throws {QueryError} */
export function searchKeys(
  database: PostgresDatabase,
  owner: UserId,
  search: Search,
): Promise<SearchPage<ApiKey>> {
  return searchTable(database, keysOf(owner), search, {
    scope: sql`owner = ${text(owner)}`,
    count: () => countKeys(database, owner),
  })
}

/** How many keys an owner has. */
export async function countKeys(database: PostgresDatabase, owner: UserId): Promise<number> {
  const row = await database.first(sql`SELECT key_count FROM owner_stats WHERE owner = ${text(owner)}`)
  return Number(row?.[0] ?? 0)
}

/** The keys of one owner: what a search asks of their `userId`, all of them answer alike. */
function keysOf(owner: UserId): SearchTable<ApiKey> {
  const columns = new Map(KEYS.columns)
  return { ...KEYS, columns: columns.set('userId', { kind: 'constant', term: owner }) }
}

/** The users that match. @throws {QueryError} */
export function searchUsers(database: PostgresDatabase, search: Search): Promise<SearchPage<User>> {
  return searchTable(database, USERS, search, wholeTable(database, USERS.name))
}

/** The profiles that match. @throws {QueryError} */
export function searchProfiles(database: PostgresDatabase, search: Search): Promise<SearchPage<Profile>> {
  return searchTable(database, PROFILES, search, wholeTable(database, PROFILES.name))
}

/** The roles that match. @throws {QueryError} */
export function searchRoles(database: PostgresDatabase, search: Search): Promise<SearchPage<Role>> {
  return searchTable(database, ROLES, search, wholeTable(database, ROLES.name))
}

/** The credentials that match. @throws {QueryError} */
export function searchCredentials(
  database: PostgresDatabase,
  search: Search,
): Promise<SearchPage<Credentials>> {
  return searchTable(database, CREDENTIALS, search, wholeTable(database, CREDENTIALS.name))
}

function wholeTable(database: PostgresDatabase, name: SqlText): Scope {
  return {
    scope: sql`TRUE`,
    async count() {
      const [row] = await database.readMany(sql`SELECT count(*) FROM ${name}`)
      return Number(row?.[0])
    },
  }
}
