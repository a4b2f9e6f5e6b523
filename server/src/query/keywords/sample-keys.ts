import assert from 'node:assert/strict'
import { parseElasticsearch, type QueryScope } from '../elasticsearch.ts'
import { executeSearch, slicesOf } from '../execute-search.ts'
import { SEARCHABLE_FIELDS } from '../fields.ts'
import type { Mapping } from '../mapping.ts'
import { type PreparedDocument, prepareDocument } from '../prepared-document.ts'
import { QueryError, type QueryErrorCode } from '../query-error.ts'
import { parseCollectionSearch, type QueryLanguage } from '../search-body.ts'

/** What the tests take for now: 2025-06-15T12:00:00Z. */
export const NOW = Date.UTC(2025, 5, 15, 12)

/** Four short-lived and three everlasting keys, in creation order. */
const KEYS = [
  ['perm', 'jared.doe', 'LoRa permanent API key', -1, '2024-01-15T10:00:00Z'],
  ['half', 'jared.doe', 'LoRa 6 month API key', 15_552_000_000, '2024-03-01T00:00:00Z'],
  ['fox', 'jared.doe', 'Sigfox API key', -1, '2024-03-31T23:59:59.999Z'],
  ['gate', 'jared.doe', 'LoRa LoRa gateway', 42, '2024-04-01T00:00:00Z'],
  ['call', 'melis', 'sigfox_callback-auth token (prod)', 360_000, '2024-06-10T08:30:00Z'],
  ['ete', 'melis', "Clé d'accès Été", 36_000, '2024-12-31T23:30:00Z'],
  ['empty', 'aschen', '', 3_600_000, '2025-06-13T09:00:00Z'],
  ['none', 'aschen', undefined, -1, '2025-06-14T18:00:00Z'],
  ['ship', 'CI-Bot', 'Deploy key: permanent, do not revoke!', 2_592_000_000, '2025-06-15T11:59:00Z'],
] as const

const MAPPING = SEARCHABLE_FIELDS['api-keys']

const DOCUMENTS = KEYS.map(([id, userId, description, ttl, created], position) => {
  const createdAt = Date.parse(created)
  const fingerprint = Buffer.from(id.padEnd(32, id)).toString('hex')
  const source = {
    userId,
    ...(description !== undefined && { description }),
    ttl,
    expiresAt: ttl === -1 ? -1 : createdAt + ttl,
    fingerprint,
    hash: fingerprint,
    _kuzzle_info: { author: userId, createdAt, updater: id === 'ship' ? 'admin' : null, updatedAt: null },
  }
  return prepareDocument(MAPPING, { id, position, source })
})

/** Ids of all sample keys, in creation order. */
export const ALL: readonly string[] = KEYS.map(([id]) => id)

/** Makes documents of sources, in creation order; ids are `d0`, `d1` ... */
export function documentsOf(mapping: Mapping, sources: readonly unknown[]): readonly PreparedDocument[] {
  return sources.map((source, position) => prepareDocument(mapping, { id: `d${position}`, position, source }))
}

/** Ids of the sample keys that a query finds, best first. */
export function find(query: unknown, language: QueryLanguage = 'elasticsearch'): Promise<readonly string[]> {
  return search({ query }, language)
}

/** Ids of the sample keys that a search body finds, in its order. */
export function search(body: unknown, language: QueryLanguage = 'elasticsearch'): Promise<readonly string[]> {
  return searchIn(DOCUMENTS, { mapping: MAPPING, now: NOW }, body, language)
}

/** As `search`, in other documents. */
export async function searchIn(
  documents: readonly PreparedDocument[],
  scope: QueryScope,
  body: unknown,
  language: QueryLanguage = 'elasticsearch',
): Promise<readonly string[]> {
  const parsed = parseCollectionSearch(body, { from: 0, size: 100 }, language, scope)
  const page = await executeSearch(parsed.search, { documents: () => slicesOf(documents) })
  assert.equal(page.total >= page.hits.length, true)
  return page.hits.map((document) => document.id)
}

/** Asserts that a query is refused, and how: by its code, and a part of its message. */
export function assertRefused(
  query: unknown,
  message: string | RegExp,
  code: QueryErrorCode = 'malformed',
): void {
  assert.throws(
    () => parseElasticsearch(query, { mapping: MAPPING, now: NOW }),
    (error) => {
      assert.ok(error instanceof QueryError, String(error))
      assert.equal(error.code, code, error.message)
      if (typeof message === 'string') assert.ok(error.message.includes(message), error.message)
      else assert.match(error.message, message)
      return true
    },
  )
}

/** Asserts that a search body is refused as malformed, by a part of the message. */
export function assertRefusedSearch(body: unknown, message: string, from = 0): void {
  assert.throws(
    () => parseCollectionSearch(body, { from, size: 10 }, 'elasticsearch', { mapping: MAPPING, now: NOW }),
    (error) => {
      assert.ok(error instanceof QueryError, String(error))
      assert.equal(error.code, 'malformed', error.message)
      assert.ok(error.message.includes(message), error.message)
      return true
    },
  )
}
