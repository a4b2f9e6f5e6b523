import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { Profile } from '../../core/access/profile.ts'
import type { ApiKey } from '../../core/keys/api-key.ts'
import type { Storage } from '../../core/ports/storage.ts'
import { executeSearch, slicesOf } from '../../query/execute-search.ts'
import { SEARCHABLE_FIELDS } from '../../query/fields.ts'
import type { Mapping } from '../../query/mapping.ts'
import { prepareDocument } from '../../query/prepared-document.ts'
import { QueryError } from '../../query/query-error.ts'
import type { Search, SearchPage } from '../../query/search.ts'
import { parseCollectionSearch } from '../../query/search-body.ts'
import { keyDocument } from '../documents.ts'
import { arbitraryQuery, arbitrarySort, arbitraryTraits, type KeyTraits } from './arbitrary-query.ts'
import {
  aKey,
  anEvent,
  aProfile,
  aRole,
  profileId,
  revokeKey,
  roleId,
  someCredentials,
  userId,
  withUsers,
} from './records.ts'
import type { WithStorage } from './with-storage.ts'

/** The owners of random keys. */
export const OWNERS = ['ann', 'bob'] as const
const SCOPE = { mapping: SEARCHABLE_FIELDS['api-keys'], now: 1_704_100_000_000 }

const CREATED = anEvent('key.create', 'key')

/** How many random stores, and random searches in each. */
export type SearchEffort = { readonly stores: number; readonly searchesPerStore: number }

/** The promises of searches: what a driver finds is what `query/evaluate.ts` says. */
export function describeSearches(withStorage: WithStorage, { stores, searchesPerStore }: SearchEffort): void {
  describe('searches', () => {
    describeOtherCollections(withStorage)
    describeLifeCycleFields(withStorage)
    test(
      "any search in any keys finds what judging each of the owner's keys finds, in the same order",
      withStorage(async (storage) => {
        await withUsers(storage, ...OWNERS)
        for (let store = 0; store < stores; store += 1) {
          await compareRandomSearches(storage, store, searchesPerStore)
        }
      }),
    )
  })
}

function describeLifeCycleFields(withStorage: WithStorage): void {
  test(
    'keys are found by what they may do, whether they are enabled, their last use, and their metadata',
    withStorage(async ({ keys }) => {
      const policy = { scopes: ['invoices:read', 'users:*'] }
      const metadata = { plan: 'pro', seats: 5, tags: ['a', 'b'], region: { name: 'eu' } }
      const disabled = { at: 1, by: userId('x') }
      await keys.insert(aKey('rich', '-1', { policy, metadata, lastUsedAt: 5_000 }), undefined, CREATED)
      await keys.insert(aKey('off', '-1', { disabled }), undefined, CREATED)
      await keys.insert(aKey('plain', '-1'), undefined, CREATED)
      const find = async (query: object) => {
        const page = await keys.search(userId('-1'), parseFor(SCOPE.mapping, { query }))
        return page.hits.map((key) => key.id)
      }
      assert.deepEqual(await find({ term: { enabled: false } }), ['off'])
      assert.deepEqual(await find({ term: { enabled: 'true' } }), ['rich', 'plain'])
      assert.deepEqual(await find({ term: { scopes: 'users:*' } }), ['rich'])
      assert.deepEqual(await find({ range: { lastUsedAt: { gte: '1970-01-01T00:00:05Z' } } }), ['rich'])
      assert.deepEqual(await find({ bool: { must_not: { exists: { field: 'lastUsedAt' } } } }), [
        'off',
        'plain',
      ])
      for (const [member, value] of [
        ['plan', 'pro'],
        ['seats', 5],
        ['tags', 'b'],
        ['region.name', 'eu'],
      ] as const) {
        assert.deepEqual(await find({ term: { [`metadata.${member}`]: value } }), ['rich'])
        assert.deepEqual(await find({ exists: { field: `metadata.${member}` } }), ['rich'])
      }
      assert.deepEqual(await find({ prefix: { 'metadata.plan': 'pr' } }), ['rich'])
      assert.deepEqual(await find({ term: { 'metadata.other': 'pro' } }), [])
    }),
  )
}

function describeOtherCollections(withStorage: WithStorage): void {
  const idsOf = (page: SearchPage<{ readonly id: string }>) => page.hits.map((hit) => hit.id)

  test(
    'users are found by profile, by who made them, and by fields that were added',
    withStorage(async (storage) => {
      await withUsers(storage, 'ann', 'bob', 'eve')
      await storage.access.putProfile(aProfile('admin', ['base']), 'replace', anEvent('profile.replace'))
      const both = { profileIds: [profileId('default'), profileId('admin')], content: { age: 42 } }
      await storage.users.update(userId('bob'), (user) => ({ ...user, ...both }), anEvent('user.update'))

      const mapping = {
        properties: { ...SEARCHABLE_FIELDS.users.properties, age: { type: 'long' } },
      } as const
      const find = async (body: object) => idsOf(await storage.users.search(parseFor(mapping, body)))
      const term = (field: string, value: unknown) => find({ query: { term: { [field]: value } } })
      assert.deepEqual(await find({}), ['ann', 'bob', 'eve'])
      assert.deepEqual(await term('profileIds', 'admin'), ['bob'])
      assert.deepEqual(await term('profileIds', 'default'), ['ann', 'bob', 'eve'])
      assert.deepEqual(await term('age', '42'), ['bob'])
      assert.deepEqual(await term('_kuzzle_info.author', 'tester'), ['ann', 'bob', 'eve'])
      assert.deepEqual(await term('name', 'User ann'), [])
      assert.deepEqual(await find({ query: { bool: { must_not: { exists: { field: 'age' } } } } }), [
        'ann',
        'eve',
      ])
      assert.deepEqual(await find({ sort: [{ age: 'desc' }, { _id: 'desc' }] }), ['bob', 'eve', 'ann'])
    }),
  )

  test(
    'profiles are found by role and by restriction, and counted by tag',
    withStorage(async ({ access }) => {
      await access.putRole(aRole('base'), 'replace', anEvent('role.replace'))
      const restricted = [
        { roleId: roleId('base'), restrictedTo: [{ index: 'nyc', collections: ['yellow'] }] },
      ]
      const put = (profile: Profile) => access.putProfile(profile, 'replace', anEvent('profile.replace'))
      await put(aProfile('plain', ['base'], { tags: ['a', 'b'] }))
      await put(aProfile('limited', ['base'], { policies: restricted, tags: ['a'] }))

      const find = (body: object) => access.searchProfiles(parseFor(SEARCHABLE_FIELDS.profiles, body))
      const path = 'policies.restrictedTo'
      const nested = { nested: { path, query: { term: { [`${path}.index`]: 'nyc' } } } }
      assert.deepEqual(idsOf(await find({ query: nested })), ['limited'])
      assert.deepEqual(idsOf(await find({ query: { terms: { 'policies.roleId': ['base'] } } })), [
        'plain',
        'limited',
      ])
      const { aggregations } = await find({ aggs: { tags: { terms: { field: 'tags' } } } })
      assert.deepEqual(aggregations?.['tags'], {
        doc_count_error_upper_bound: 0,
        sum_other_doc_count: 0,
        buckets: [
          { key: 'a', doc_count: 2 },
          { key: 'b', doc_count: 1 },
        ],
      })
    }),
  )

  test(
    'roles are found by tag, credentials by username and owner',
    withStorage(async (storage) => {
      await withUsers(storage, 'ann', 'bob')
      await storage.access.putRole(aRole('tagged', { tags: ['eu'] }), 'replace', anEvent('role.replace'))
      const roles = parseFor(SEARCHABLE_FIELDS.roles, { query: { term: { tags: 'eu' } } })
      assert.deepEqual(idsOf(await storage.access.searchRoles(roles)), ['tagged'])

      for (const owner of ['ann', 'bob']) {
        await storage.users.createCredentials(someCredentials(owner), anEvent('credentials.create'))
      }
      for (const query of [
        { prefix: { username: 'login-of-b' } },
        { term: { kuid: 'bob' } },
        { ids: { values: ['bob'] } },
      ]) {
        const search = parseFor(SEARCHABLE_FIELDS.credentials, { query })
        const page = await storage.users.searchCredentials(search)
        assert.deepEqual([page.hits.map((hit) => hit.owner), page.total], [['bob'], 1])
      }
    }),
  )
}

function parseFor(mapping: Mapping, body: object): Search {
  return parseCollectionSearch(body, { from: 0, size: 100 }, 'elasticsearch', { mapping, now: 0 }).search
}

async function compareRandomSearches(storage: Storage, store: number, searches: number): Promise<void> {
  const keys = await fillStore(storage, store)
  const find = (owner: string, search: Search) => storage.keys.search(userId(owner), search)
  await assertFindsWhatIsJudged(keys, find, searches)
  for (const key of [...keys.values()].flat()) {
    await revokeKey(storage.keys, key.id)
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
      const parsed = parseKeys({ query, ...(sort && { sort }) }, from, size)
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
  const { isDisabled, lastUsedAt, scopes, plan } = traits
  return aKey(`k${index}`, index % 3 === 0 ? 'bob' : 'ann', {
    description,
    ...(ttlMs !== undefined && { ttlMs }),
    ...(expiresAt !== undefined && { expiresAt }),
    ...(isDisabled && { disabled: { at: 1, by: userId('x') } }),
    ...(lastUsedAt !== undefined && { lastUsedAt }),
    ...(scopes !== undefined && { policy: { scopes } }),
    ...(plan !== undefined && { metadata: { plan, deep: { plan: [plan, 'other'] } } }),
    record: {
      createdBy: userId(createdBy),
      createdAt,
      ...(updatedBy !== undefined && { updatedBy: userId(updatedBy) }),
      ...(updatedAt !== undefined && { updatedAt }),
    },
  })
}

/** The search, unless the language refuses it. */
export function parseKeys(body: object, from: number, size: number): Search | undefined {
  try {
    return parseCollectionSearch(body, { from, size }, 'elasticsearch', SCOPE).search
  } catch (error) {
    assert.ok(error instanceof QueryError, `threw ${String(error)}`)
    return undefined
  }
}

/** What judging each of the keys finds. */
export async function judgeAll(
  search: Search,
  keys: readonly ApiKey[],
): Promise<{ readonly ids: readonly string[]; readonly total: number }> {
  const documents = keys.map((key, position) =>
    prepareDocument(SCOPE.mapping, { ...keyDocument(key), position }),
  )
  const page = await executeSearch(search, { documents: () => slicesOf(documents) })
  return { ids: page.hits.map((document) => document.id), total: page.total }
}
