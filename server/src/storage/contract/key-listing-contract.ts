import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { ApiKey, RevokedKey } from '../../core/keys/api-key.ts'
import type { KeyFilter, KeyStore } from '../../core/ports/key-store.ts'
import {
  aKey,
  anEvent,
  aRevocation,
  numbers,
  refusal,
  revokeKey,
  TESTER,
  userId,
  withUsers,
} from './records.ts'
import type { WithStorage } from './with-storage.ts'

const CREATED = anEvent('key.create', 'key')
const OWNERS = ['ann', 'bob'] as const

/** The promises of `KeyStore.list`. */
export function describeKeyListing(withStorage: WithStorage): void {
  describe('lists of keys', () => {
    describePages(withStorage)
    describeFilters(withStorage)
    test(
      'hold exactly the keys that the filter describes, in the order of creation, on pages of any length',
      withStorage(async (storage) => {
        await withUsers(storage, ...OWNERS)
        await compareRandomListings(storage.keys)
      }),
    )
  })
}

async function idsOf(keys: KeyStore, filter: Partial<KeyFilter>): Promise<readonly string[]> {
  const page = await keys.list({ now: 5_000, ...filter }, { limit: 1_000 })
  assert.equal(page.next, undefined)
  return page.keys.map(idOf)
}

function idOf(listed: ApiKey | RevokedKey): string {
  return 'key' in listed ? listed.key.id : listed.id
}

function describePages(withStorage: WithStorage): void {
  test(
    'go on where the page before ended, while keys come and go',
    withStorage(async ({ keys }) => {
      for (const n of numbers(10)) await keys.insert(aKey(`k${n}`, '-1'), undefined, CREATED)
      const first = await keys.list({ now: 0 }, { limit: 4 })
      assert.deepEqual(
        first.keys,
        numbers(4).map((n) => aKey(`k${n}`, '-1')),
      )
      for (const id of ['k2', 'k3', 'k5']) await revokeKey(keys, id)
      await keys.insert(aKey('k10', '-1'), undefined, CREATED)
      const second = await keys.list({ now: 0 }, { limit: 4, after: first.next ?? '' })
      assert.deepEqual(second.keys.map(idOf), ['k4', 'k6', 'k7', 'k8'])
      const third = await keys.list({ now: 0 }, { limit: 2, after: second.next ?? '' })
      assert.deepEqual(third.keys.map(idOf), ['k9', 'k10'])
      assert.equal(third.next, undefined)
    }),
  )

  test(
    'refuse a cursor that is none, or of another kind of listing',
    withStorage(async ({ keys }) => {
      for (const id of ['a', 'b', 'c', 'd']) await keys.insert(aKey(id, '-1'), undefined, CREATED)
      const { next = '' } = await keys.list({ now: 0 }, { limit: 1 })
      for (const id of ['a', 'b']) await revokeKey(keys, id)
      const revoked = { now: 0, state: 'revoked' } as const
      const other = (await keys.list(revoked, { limit: 1 })).next ?? ''
      assert.deepEqual((await keys.list(revoked, { limit: 1, after: other })).keys.map(idOf), ['b'])
      for (const [filter, after] of [
        [revoked, next],
        [{ now: 0 }, other],
        ...['', '0', 'x', `${next}=`, ` ${next}`, 'k1', '9'.repeat(99), '\u0000'].map(
          (text) => [{ now: 0 }, text] as const,
        ),
      ] as const) {
        const error = await refusal(keys.list(filter, { limit: 1, after }), 'id.invalid')
        assert.equal(error.facts['kind'], 'cursor')
      }
    }),
  )
}

function describeFilters(withStorage: WithStorage): void {
  test(
    'of revoked keys show who revoked them and why, in the order of revocation',
    withStorage(async (storage) => {
      const { keys } = storage
      await withUsers(storage, ...OWNERS)
      for (const id of ['a', 'b', 'c']) {
        await keys.insert(aKey(id, id === 'b' ? 'bob' : 'ann'), undefined, CREATED)
      }
      for (const id of ['c', 'b', 'a']) await revokeKey(keys, id)
      const all = await keys.list({ now: 0, state: 'revoked' }, { limit: 9 })
      assert.deepEqual(all.keys[0], { key: aKey('c', 'ann'), revocation: aRevocation() })
      assert.deepEqual(all.keys.map(idOf), ['c', 'b', 'a'])
      assert.deepEqual(await idsOf(keys, { state: 'revoked', owner: userId('ann') }), ['c', 'a'])
      assert.deepEqual(await idsOf(keys, {}), [])
    }),
  )

  test(
    'know the state of a key as verifications do',
    withStorage(async ({ keys }) => {
      const disabled = { at: 1, by: TESTER }
      const idle = { policy: { idleTimeoutMs: 1_000 } }
      const all: readonly ApiKey[] = [
        aKey('endless', '-1'),
        aKey('lives', '-1', { expiresAt: 5_001 }),
        aKey('ended', '-1', { expiresAt: 5_000 }),
        aKey('disabled', '-1', { disabled }),
        aKey('disabled-ended', '-1', { disabled, expiresAt: 4_000 }),
        aKey('idle', '-1', { ...idle, lastUsedAt: 4_000 }),
        aKey('used', '-1', { ...idle, lastUsedAt: 4_001 }),
        aKey('never-used', '-1', idle),
      ]
      for (const key of all) await keys.insert(key, undefined, CREATED)
      assert.deepEqual(await idsOf(keys, { state: 'active' }), ['endless', 'lives', 'used'])
      assert.deepEqual(await idsOf(keys, { state: 'expired' }), ['ended', 'idle', 'never-used'])
      assert.deepEqual(await idsOf(keys, { state: 'disabled' }), ['disabled', 'disabled-ended'])
      assert.deepEqual(await idsOf(keys, { expiringBefore: 5_002 }), ['lives', 'ended'])
      assert.deepEqual(await idsOf(keys, { expiringBefore: 5_001 }), ['ended'])
      assert.deepEqual(await idsOf(keys, { unusedSince: 4_001 }), [
        ...['endless', 'lives', 'ended', 'disabled', 'disabled-ended', 'idle', 'never-used'],
      ])
    }),
  )

  test(
    'tell members of the metadata apart by type, whatever their names are',
    withStorage(async ({ keys }) => {
      const values = [1, '1', true, 'true', 'é', ' ', "'; --", 1.5, -0, 'a\u0000b', 1e300]
      for (const [n, value] of values.entries()) {
        await keys.insert(aKey(`k${n}`, '-1', { metadata: { 'a.b "c"': value } }), undefined, CREATED)
      }
      await keys.insert(aKey('deep', '-1', { metadata: { a: { 'a.b "c"': 1 } } }), undefined, CREATED)
      for (const [n, value] of values.entries()) {
        assert.deepEqual(await idsOf(keys, { metadata: { 'a.b "c"': value } }), [`k${n}`], String(value))
      }
      assert.deepEqual(await idsOf(keys, { metadata: { $: 1 } }), [])
    }),
  )

  test(
    'find the few among thousands, and thousands',
    withStorage(async ({ keys }) => {
      const many = numbers(6_000).map((n) => aKey(`k${n}`, '-1', { expiresAt: n === 3_000 ? 6_000 : 4_000 }))
      await Promise.all(many.map((key) => keys.insert(key, undefined, CREATED)))
      assert.deepEqual(await idsOf(keys, { state: 'active' }), ['k3000'])
      assert.deepEqual(await idsOf(keys, { expiringBefore: 7_000 }), ['k3000'])
      const last = await keys.list({ now: 5_000, state: 'expired' }, { limit: 5_999 })
      const expected = many.map((key) => key.id).filter((id) => id !== 'k3000')
      assert.deepEqual([last.keys.map(idOf).toSorted(), last.next], [expected.toSorted(), undefined])
      const rare = { now: 5_000, metadata: { a: 1 } }
      assert.deepEqual(await keys.list(rare, { limit: 1 }), { keys: [] })
    }),
  )
}

const arbitraryMetadata = fc.dictionary(
  fc.constantFrom('a', 'b'),
  fc.constantFrom(1, 2, 'x', '1', true, false),
  { maxKeys: 2 },
)
const arbitraryTime = fc.integer({ min: 0, max: 10 })
const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined, freq: 2 })

const arbitraryKey = fc.record({
  owner: fc.constantFrom(...OWNERS),
  createdAt: arbitraryTime,
  expiresAt: maybe(arbitraryTime),
  lastUsedAt: maybe(arbitraryTime),
  idleTimeoutMs: maybe(arbitraryTime),
  isDisabled: fc.boolean(),
  isRevoked: fc.boolean(),
  metadata: maybe(arbitraryMetadata),
})

const arbitraryFilter = fc.record({
  owner: maybe(fc.constantFrom(...OWNERS)),
  state: maybe(fc.constantFrom('active', 'disabled', 'expired', 'revoked')),
  now: arbitraryTime,
  expiringBefore: maybe(arbitraryTime),
  unusedSince: maybe(arbitraryTime),
  metadata: maybe(arbitraryMetadata),
})

type Traits = typeof arbitraryKey extends fc.Arbitrary<infer T> ? T : never
type FilterTraits = typeof arbitraryFilter extends fc.Arbitrary<infer T> ? T : never

async function compareRandomListings(keys: KeyStore): Promise<void> {
  const traits = fc.sample(arbitraryKey, { numRuns: 120, seed: 7 })
  const all = traits.map((one, n) => ({ ...one, key: keyOf(one, n) }))
  for (const { key } of all) await keys.insert(key, undefined, CREATED)
  for (const { key, isRevoked } of all) if (isRevoked) await revokeKey(keys, key.id)
  await fc.assert(
    fc.asyncProperty(arbitraryFilter, fc.integer({ min: 1, max: 50 }), async (given, limit) => {
      const filter = filterOf(given)
      const expected = all.filter((one) => fits(one, one.key, filter)).map(({ key }) => key.id)
      assert.deepEqual(await idsByPages(keys, filter, limit), expected)
    }),
    { numRuns: 300 },
  )
}

async function idsByPages(keys: KeyStore, filter: KeyFilter, limit: number): Promise<readonly string[]> {
  const ids: string[] = []
  let after: string | undefined
  do {
    const page = await keys.list(filter, { limit, ...(after !== undefined && { after }) })
    assert.ok(page.keys.length === limit || page.next === undefined)
    ids.push(...page.keys.map(idOf))
    after = page.next
  } while (after !== undefined)
  return ids
}

function keyOf(traits: Traits, n: number): ApiKey {
  const { owner, createdAt, expiresAt, lastUsedAt, idleTimeoutMs, isDisabled, metadata } = traits
  return aKey(`k${n}`, owner, {
    record: { createdBy: TESTER, createdAt },
    ...(expiresAt !== undefined && { expiresAt }),
    ...(lastUsedAt !== undefined && { lastUsedAt }),
    ...(idleTimeoutMs !== undefined && { policy: { idleTimeoutMs } }),
    ...(isDisabled && { disabled: { at: 1, by: TESTER } }),
    ...(metadata !== undefined && { metadata }),
  })
}

function filterOf({ owner, state, now, expiringBefore, unusedSince, metadata }: FilterTraits): KeyFilter {
  return {
    now,
    ...(owner !== undefined && { owner: userId(owner) }),
    ...(state !== undefined && { state }),
    ...(expiringBefore !== undefined && { expiringBefore }),
    ...(unusedSince !== undefined && { unusedSince }),
    ...(metadata !== undefined && { metadata }),
  }
}

function fits({ isRevoked }: Traits, key: ApiKey, filter: KeyFilter): boolean {
  const { owner, state, now, expiringBefore, unusedSince, metadata = {} } = filter
  const { expiresAt = Number.POSITIVE_INFINITY } = key
  return (
    isRevoked === (state === 'revoked') &&
    (owner === undefined || owner === key.owner) &&
    (state === undefined || isRevoked || state === stateOf(key, now)) &&
    (expiringBefore === undefined || (expiresAt >= now && expiresAt < expiringBefore)) &&
    (unusedSince === undefined || lastSign(key) < unusedSince) &&
    Object.entries(metadata).every(([name, value]) => key.metadata?.[name] === value)
  )
}

function stateOf(key: ApiKey, now: number): string {
  if (key.disabled !== undefined) return 'disabled'
  const { expiresAt = Number.POSITIVE_INFINITY } = key
  const idleAt = lastSign(key) + (key.policy?.idleTimeoutMs ?? Number.POSITIVE_INFINITY)
  return expiresAt <= now || idleAt <= now ? 'expired' : 'active'
}

function lastSign(key: ApiKey): number {
  return key.lastUsedAt ?? key.record.createdAt
}
