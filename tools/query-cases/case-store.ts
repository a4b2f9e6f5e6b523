import type { UserId } from '../../server/src/core/ids.ts'
import { isJsonObject } from '../../server/src/core/json.ts'
import type { Mapping } from '../../server/src/query/mapping.ts'
import type { Search } from '../../server/src/query/search.ts'
import { openStorage } from '../../server/src/storage/open-storage.ts'
import { type CaseDocument, keyOf, removeKeys, storeKeys } from './case-keys.ts'
import { type FoundIds, type OpenCaseTable, openPostgresCases, openSqliteCases } from './case-tables.ts'

/** The documents of a file of cases in a store. */
export type CaseStore = {
  readonly mapping: Mapping
  /** Searches all documents. */
  search(search: Search): Promise<FoundIds>
  /** Searches the API keys of one user. */
  searchKeys(owner: string, search: Search): Promise<FoundIds>
  close(): Promise<void>
}

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
  const openTable = Object.entries(TABLES).find(([scheme]) => url.startsWith(scheme))?.[1]
  if (openTable === undefined)
    throw new Error(`Cannot run cases on "${url}": only sqlite:PATH and postgres://... are supported`)
  const storage = await openStorage(url)
  await storeKeys(storage, documents)
  const rows = documents.map(({ _id, _source }) => ({
    id: _id,
    owner: ownerOf(_source),
    source: JSON.stringify(_source),
  }))
  const table = await openTable(url, rows, mapping)
  const ownersOfKeys = ownersWithKeysOnly(documents)
  return {
    mapping,
    search: (search) => table.find(search),
    async searchKeys(owner, search) {
      if (!ownersOfKeys.has(owner)) return table.find(search, owner)
      const page = await storage.keys.search(owner as UserId, search)
      return { ids: page.hits.map((key) => key.id), total: page.total }
    },
    async close() {
      await table.close()
      await removeKeys(storage, documents)
      await storage.close()
    },
  }
}

const TABLES: Readonly<Record<string, OpenCaseTable>> = {
  'sqlite:': openSqliteCases,
  'postgres:': openPostgresCases,
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
