import type { Credentials } from '../../core/access/credentials.ts'
import type { Profile } from '../../core/access/profile.ts'
import type { Role } from '../../core/access/role.ts'
import type { User } from '../../core/access/user.ts'
import type { UserId } from '../../core/ids.ts'
import type { ApiKey } from '../../core/keys/api-key.ts'
import type { Search, SearchPage } from '../../query/search.ts'
import { type SqlText, sql } from '../../query/sql/sql-text.ts'
import { catchUp } from './catch-up.ts'
import { text } from './column.ts'
import type { PostgresDatabase } from './database.ts'
import type { DocumentReader } from './document-reader.ts'
import { GONE_KEPT_MAX } from './index-merge.ts'
import { pageByIndex } from './indexed-key-search.ts'
import { KeyIndex } from './key-index.ts'
import { ListMemory } from './list-memory.ts'
import { INDEX_BATCH_KEYS, INDEXED_FROM_KEYS } from './search-index.ts'
import { CREDENTIALS, KEYS, PROFILES, ROLES, type SearchTable, USERS } from './search-tables.ts'
import { pageByJudging, type Scope, searchTable } from './table-search.ts'

/**
 * The owner's keys that match; `indexedFrom`: how many keys make the index of their descriptions worth a look.
 *
 * @throws {QueryError}
 */
export function searchKeys(
  database: PostgresDatabase,
  owner: UserId,
  search: Search,
  indexedFrom: number = INDEXED_FROM_KEYS,
): Promise<SearchPage<ApiKey>> {
  const scope = { scope: sql`owner = ${text(owner)}`, count: () => countKeys(database, owner) }
  return searchTable(database, keysOf(owner), search, scope, async (documents, asked) => {
    const keys = await countKeys(database, owner)
    if (keys < indexedFrom) return pageByJudging(documents, asked)
    return (await pageOfSnapshot(database, owner, documents, asked)) ?? pageByJudging(documents, asked)
  })
}

/** What each store remembers of its indexes. */
const memories = new WeakMap<PostgresDatabase, ListMemory>()

function memoryOf(database: PostgresDatabase): ListMemory {
  const memory = memories.get(database) ?? new ListMemory()
  memories.set(database, memory)
  return memory
}

/** Undefined when there is no index yet. */
function pageOfSnapshot(
  database: PostgresDatabase,
  owner: UserId,
  documents: DocumentReader<ApiKey>,
  search: Search,
): Promise<SearchPage<ApiKey> | undefined> {
  return database.snapshot(async (snapshot) => {
    const [index, [row]] = await Promise.all([
      KeyIndex.open(snapshot, owner, memoryOf(database)),
      snapshot.all(keyCount(owner)),
    ])
    const waiting = Number(row?.[0] ?? 0) - (index === undefined ? 0 : index.keys + index.reworded.length)
    if (waiting >= INDEX_BATCH_KEYS || (index?.goneCount ?? 0) > GONE_KEPT_MAX) catchUp(database, owner)
    return index && pageByIndex(index, documents.withSource(snapshot), search)
  })
}

/** How many keys an owner has. */
export async function countKeys(database: PostgresDatabase, owner: UserId): Promise<number> {
  const row = await database.first(keyCount(owner))
  return Number(row?.[0] ?? 0)
}

function keyCount(owner: UserId): SqlText {
  return sql`SELECT key_count FROM owner_stats WHERE owner = ${text(owner)}`
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
