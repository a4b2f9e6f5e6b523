import type { AuditEvent } from '../../server/src/core/audit/audit-event.ts'
import type { KeyId, ProfileId, RoleId, UserId } from '../../server/src/core/ids.ts'
import { isJsonObject } from '../../server/src/core/json.ts'
import type { ApiKey } from '../../server/src/core/keys/api-key.ts'
import { parseFingerprint } from '../../server/src/core/keys/fingerprint.ts'
import type { Storage } from '../../server/src/core/ports/storage.ts'
import type { Mapping } from '../../server/src/query/mapping.ts'
import type { Search } from '../../server/src/query/search.ts'
import { sql } from '../../server/src/query/sql/sql-text.ts'
import { openStorage } from '../../server/src/storage/open-storage.ts'
import { openDatabase } from '../../server/src/storage/sqlite/open-database.ts'
import type { SearchTable } from '../../server/src/storage/sqlite/search-tables.ts'
import { searchTable } from '../../server/src/storage/sqlite/table-search.ts'

/** A document of a file of cases. */
export type CaseDocument = { readonly _id: string; readonly _source: unknown }

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

const EVENT: AuditEvent = {
  at: 0,
  action: 'key.create',
  outcome: 'done',
  actor: 'cases' as UserId,
  subject: 'cases',
  origin: { carrier: 'cli', requestId: 'cases', local: true },
}

async function storeKeys(storage: Storage, documents: readonly CaseDocument[]): Promise<void> {
  const keys = documents.map(keyOf).filter((key) => key !== undefined)
  const record = { createdBy: 'cases' as UserId, createdAt: 0 }
  const profileId = 'cases' as ProfileId
  const roleId = 'cases' as RoleId
  await storage.access.putRole({ id: roleId, controllers: {}, content: {}, record }, 'replace', EVENT)
  const profile = { id: profileId, policies: [{ roleId }], rateLimit: 0, content: {}, record }
  await storage.access.putProfile(profile, 'replace', EVENT)
  for (const id of new Set(keys.map((key) => key.owner))) {
    await storage.users.create({ id, profileIds: [profileId], content: {}, record }, [], EVENT)
  }
  for (const key of keys) await storage.keys.insert(key, undefined, EVENT)
}

/** The API key that a document describes; undefined when no key looks like that. */
function keyOf({ _id, _source }: CaseDocument): ApiKey | undefined {
  if (!isJsonObject(_source)) return undefined
  const { userId, description, expiresAt, ttl, fingerprint, _kuzzle_info: info } = _source
  const digest = typeof fingerprint === 'string' ? parseFingerprint(fingerprint) : undefined
  if (typeof userId !== 'string' || typeof description !== 'string' || digest === undefined) return undefined
  if (typeof expiresAt !== 'number' || typeof ttl !== 'number' || !isJsonObject(info ?? null))
    return undefined
  const { author, createdAt, updater, updatedAt } = isJsonObject(info ?? null) ? (info as typeof _source) : {}
  if (typeof author !== 'string' || typeof createdAt !== 'number') return undefined
  return {
    id: _id as KeyId,
    owner: userId as UserId,
    description,
    fingerprint: digest,
    ...(expiresAt !== -1 && { expiresAt }),
    ...(ttl !== -1 && { ttlMs: ttl }),
    record: {
      createdBy: author as UserId,
      createdAt,
      ...(typeof updater === 'string' && { updatedBy: updater as UserId }),
      ...(typeof updatedAt === 'number' && { updatedAt }),
    },
  }
}
