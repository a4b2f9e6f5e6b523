import type { UserId } from '../../server/src/core/ids.ts'
import { isJsonObject } from '../../server/src/core/json.ts'
import type { Mapping } from '../../server/src/query/mapping.ts'
import type { Search } from '../../server/src/query/search.ts'
import { sql } from '../../server/src/query/sql/sql-text.ts'
import { openStorage } from '../../server/src/storage/open-storage.ts'
import { openDatabase } from '../../server/src/storage/sqlite/open-database.ts'
import type { SearchTable } from '../../server/src/storage/sqlite/search-tables.ts'
import { searchTable } from '../../server/src/storage/sqlite/table-search.ts'
import { type CaseDocument, keyOf, removeKeys, storeKeys } from './case-keys.ts'

/** Found ids, in order, and how many match in all. */
export type FoundIds = { readonly ids: readonly string[]; readonly total: number }

/** The documents of a file of cases in a store. */
export type CaseStore = {
  readonly mapping: Mapping
  /** Searches all documents. */
  search(search: Search): Promise<FoundIds>
  /** Searches the API keys of one user. */
  searchKeys(owner: string, search: Search): Promise<FoundIds>
  close(): Promise<void>
}

const BOUNDS = { waitingMax: 10_000, lockWaitMaxMs: 10_000 }

/**
 * Stores the documents twice: as they are in a table of their own, and as API keys where an API could have made them.
 *
 * @throws {Error} for a store that this tool has no table for.
 */
export async function openCaseStore(
  url: string,
  documents: readonly CaseDocument[],
  mapping: Mapping,
): Promise<CaseStore> {
  if (!url.startsWith('sqlite:'))
    throw new Error(`Cannot run cases on "${url}": only sqlite:PATH is supported`)
  const storage = await openStorage(url)
  await storeKeys(storage, documents)
  // A second connection with a table that lives only as long as itself: nothing is left behind in a file.
  const database = await openDatabase(url.slice('sqlite:'.length), BOUNDS)
  database
    .statement('CREATE TEMP TABLE cases (seq INTEGER PRIMARY KEY, id TEXT, owner TEXT, source TEXT)')
    .run()
  const insert = database.statement('INSERT INTO cases (id, owner, source) VALUES (?, ?, ?)')
  for (const { _id, _source } of documents) insert.run(_id, ownerOf(_source), JSON.stringify(_source))

  const table: SearchTable<CaseDocument> = {
    name: 'cases',
    select: 'id, source',
    fromRow: (row) => ({ _id: String(row[0]), _source: JSON.parse(String(row[1])) }),
    documentOf: (document) => ({ id: document._id, source: document._source }),
    mapping,
    columns: new Map([['_id', { kind: 'term', expression: sql`id`, nullable: false, selective: false }]]),
  }
  const find = async (search: Search, owner?: string) => {
    const scope = owner === undefined ? sql`TRUE` : sql`owner = ${owner}`
    const count = database.statement('SELECT count(*) FROM cases WHERE ? IS NULL OR owner = ?')
    const rows = {
      scope,
      scopeUnindexed: scope,
      count: () => Number(count.get(owner ?? null, owner ?? null)?.[0]),
    }
    const page = await searchTable(database, table, search, rows)
    return { ids: page.hits.map((hit) => hit._id), total: page.total }
  }
  const ownersOfKeys = ownersWithKeysOnly(documents)
  return {
    mapping,
    search: (search) => find(search),
    async searchKeys(owner, search) {
      if (!ownersOfKeys.has(owner)) return find(search, owner)
      const page = await storage.keys.search(owner as UserId, search)
      return { ids: page.hits.map((key) => key.id), total: page.total }
    },
    async close() {
      await database.close()
      await removeKeys(storage, documents)
      await storage.close()
    },
  }
}

function ownerOf(source: unknown): string | null {
  const owner = isJsonObject(source) ? source['userId'] : undefined
  return typeof owner === 'string' ? owner : null
}

/** The users all of whose documents can be API keys. */
function ownersWithKeysOnly(documents: readonly CaseDocument[]): ReadonlySet<string> {
  const owners = new Set<string>()
  const others = new Set<string>()
  for (const document of documents) {
    const owner = ownerOf(document._source)
    if (owner !== null) (keyOf(document) === undefined ? others : owners).add(owner)
  }
  return new Set([...owners].filter((owner) => !others.has(owner)))
}
