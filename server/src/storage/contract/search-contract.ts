import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { ApiKey } from '../../core/keys/api-key.ts'
import type { Storage } from '../../core/ports/storage.ts'
import { executeSearch, slicesOf } from '../../query/execute-search.ts'
import { SEARCHABLE_FIELDS } from '../../query/fields.ts'
import { prepareDocument } from '../../query/prepared-document.ts'
import { QueryError } from '../../query/query-error.ts'
import type { Search, SearchPage } from '../../query/search.ts'
import { parseCollectionSearch } from '../../query/search-body.ts'
import { keyDocument } from '../documents.ts'
import { arbitraryQuery, arbitrarySort, arbitraryTraits, type KeyTraits } from './arbitrary-query.ts'
import { aKey, anEvent, userId, withUsers } from './records.ts'
import type { WithStorage } from './with-storage.ts'

/** The owners of random keys. */
export const OWNERS = ['ann', 'bob'] as const
const SCOPE = { mapping: SEARCHABLE_FIELDS['api-keys'], now: 1_704_100_000_000 }

/** Random stores, and random searches in each. */
const STORES = 40
const SEARCHES_PER_STORE = 500

/** The promises of searches: what a driver finds is what `query/evaluate.ts` says. */
export function describeSearches(withStorage: WithStorage): void {
  describe('searches', () => {
    test(
      "any search in any keys finds what judging each of the owner's keys finds, in the same order",
      withStorage(async (storage) => {
        await withUsers(storage, ...OWNERS)
        for (let store = 0; store < STORES; store += 1) await compareRandomSearches(storage, store)
      }),
    )
  })
}

async function compareRandomSearches(storage: Storage, store: number): Promise<void> {
  const keys = await fillStore(storage, store)
  const find = (owner: string, search: Search) => storage.keys.search(userId(owner), search)
  await assertFindsWhatIsJudged(keys, find, SEARCHES_PER_STORE)
  for (const key of [...keys.values()].flat()) {
    await storage.keys.remove(key.owner, key.id, anEvent('key.delete'))
  }
}

/** Keys by owner, in creation order. */
export type KeysByOwner = ReadonlyMap<string, readonly ApiKey[]>

/** Asserts that random searches find, in the owners' keys, what judging each of those finds. */
export async function assertFindsWhatIsJudged(
  keys: KeysByOwner,
  find: (owner: string, search: Search) => Promise<SearchPage<ApiKey>>,
  searches: number,
): Promise<void> {
  let found = 0
  const search = fc.tuple(arbitraryQuery, arbitrarySort, fc.nat(8), fc.nat(12))
  await fc.assert(
    fc.asyncProperty(search, fc.constantFrom(...OWNERS), async ([query, sort, from, size], owner) => {
      const parsed = parse({ query, ...(sort && { sort }) }, from, size)
      if (parsed === undefined) return
      const expected = await judgeAll(parsed, keys.get(owner) ?? [])
      const page = await find(owner, parsed)
      assert.deepEqual({ ids: page.hits.map((key) => key.id), total: page.total }, expected)
      if (page.total > 0) found += 1
    }),
    { numRuns: searches },
  )
  // Else the searches would prove little.
  assert.ok(found >= searches / 10 || keys.size === 0, `only ${found} searches found something`)
}

/** Stores some random keys of two owners. */
async function fillStore(storage: Storage, store: number): Promise<KeysByOwner> {
  const keys = randomKeys(store)
  for (const key of keys) await storage.keys.insert(key, undefined, anEvent('key.create'))
  return byOwner(keys)
}

/** From 15 to 40 keys of two owners, the same for the same seed. */
export function randomKeys(seed: number): readonly ApiKey[] {
  const lists = fc.sample(fc.array(arbitraryTraits, { minLength: 15, maxLength: 40 }), { numRuns: 1, seed })
  return (lists[0] ?? []).map(keyOf)
}

/** Keys by the owners of `randomKeys`. */
export function byOwner(keys: readonly ApiKey[]): KeysByOwner {
  return new Map(OWNERS.map((owner) => [owner, keys.filter((key) => key.owner === owner)]))
}

function keyOf(traits: KeyTraits, index: number): ApiKey {
  const { description, ttlMs, expiresAt, createdBy, createdAt, updatedBy, updatedAt } = traits
  return aKey(`k${index}`, index % 3 === 0 ? 'bob' : 'ann', {
    description,
    ...(ttlMs !== undefined && { ttlMs }),
    ...(expiresAt !== undefined && { expiresAt }),
    record: {
      createdBy: userId(createdBy),
      createdAt,
      ...(updatedBy !== undefined && { updatedBy: userId(updatedBy) }),
      ...(updatedAt !== undefined && { updatedAt }),
    },
  })
}

/** The search, unless the language refuses it. */
function parse(body: object, from: number, size: number): Search | undefined {
  try {
    return parseCollectionSearch(body, { from, size }, 'elasticsearch', SCOPE).search
  } catch (error) {
    assert.ok(error instanceof QueryError, `threw ${String(error)}`)
    return undefined
  }
}

async function judgeAll(search: Search, keys: readonly ApiKey[]) {
  const documents = keys.map((key, position) =>
    prepareDocument(SCOPE.mapping, { ...keyDocument(key), position }),
  )
  const page = await executeSearch(search, { documents: () => slicesOf(documents) })
  return { ids: page.hits.map((document) => document.id), total: page.total }
}
