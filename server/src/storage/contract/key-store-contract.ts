import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { JsonObject } from '../../core/json.ts'
import { fingerprintOf } from '../../core/keys/fingerprint.ts'
import type { KeyPolicy } from '../../core/keys/policy.ts'
import {
  aKey,
  anEvent,
  auditSubjects,
  keyId,
  numbers,
  outcomes,
  refusal,
  revokeKey,
  userId,
  withUsers,
} from './records.ts'
import type { WithStorage } from './with-storage.ts'

const CREATED = anEvent('key.create', 'key')

const FULL_POLICY: KeyPolicy = {
  scopes: ['invoices:*', 'a:b'],
  addresses: ['192.0.2.0/24', '2001:db8::/32'],
  window: { notBefore: 1, days: ['mon', 'sun'], from: 0, to: 1_439, timeZone: 'Europe/Paris' },
  confirmation: { x5tS256: 'A'.repeat(43), jkt: 'B'.repeat(43) },
  idleTimeoutMs: 1_000,
  limits: [{ name: 'burst', limit: 5, windowMs: 1_000, automatic: false }],
  credits: { initial: 10, refill: { amount: 10, interval: 'monthly', day: 31 } },
}

/** The promises of `KeyStore` about storing and finding keys. */
export function describeKeyStore(withStorage: WithStorage): void {
  describe('keys', () => {
    describeFinding(withStorage)
    describeInserting(withStorage)
  })
}

function describeFinding(withStorage: WithStorage): void {
  test(
    'a key is found by fingerprint and by id exactly as it was stored',
    withStorage(async ({ keys }) => {
      const plain = aKey('plain', '-1')
      const full = aKey('full', '-1', {
        description: '',
        ttlMs: 42,
        expiresAt: 1_042,
        record: { createdBy: userId('a'), createdAt: 1, updatedBy: userId('b'), updatedAt: 2 },
        family: 'native',
        keyspace: 'internal',
        hint: 'lk_live_Abc',
        disabled: { at: 3, by: userId('c'), reason: 'because' },
        policy: FULL_POLICY,
        metadata: { plan: 'pro', nested: { list: [1, null, true] } },
        goodFrom: 4,
        previous: [
          { fingerprint: fingerprintOf('newer'), goodUntil: 6 },
          { fingerprint: fingerprintOf('older'), goodUntil: 5 },
        ],
        lastUsedAt: 7,
      })
      const bare = aKey('bare', '-1', { disabled: { at: 3, by: userId('c') }, policy: {}, metadata: {} })
      for (const key of [plain, full, bare]) {
        await keys.insert(key, undefined, CREATED)
        assert.deepEqual((await keys.lookUp(key.fingerprint))?.key, key)
        assert.deepEqual(await keys.findById(key.id), key)
      }
    }),
  )

  test(
    'any text and any length of life come back unchanged',
    withStorage(async ({ keys }) => {
      let count = 0
      const text = fc.string({ unit: 'binary' })
      const instant = fc.option(fc.maxSafeNat(), { nil: undefined })
      await fc.assert(
        fc.asyncProperty(
          text,
          text,
          instant,
          fc.double({ noNaN: true }),
          fc.dictionary(text, fc.jsonValue()),
          async (id, description, ttlMs, at, members) => {
            count += 1
            const metadata: JsonObject = JSON.parse(JSON.stringify(members))
            const key = aKey(`${count} ${id}`, '-1', {
              description,
              metadata,
              ...(ttlMs !== undefined && { ttlMs, expiresAt: at === 0 ? 0 : at }),
            })
            await keys.insert(key, undefined, CREATED)
            assert.deepEqual(await keys.findById(key.id), key)
          },
        ),
        { numRuns: 100 },
      )
    }),
  )

  test(
    'nothing is found where nothing is stored',
    withStorage(async ({ keys }) => {
      assert.equal(await keys.lookUp(fingerprintOf('nobody')), undefined)
      assert.equal(await keys.findById(keyId('nobody')), undefined)
      assert.equal(await keys.countByOwner(userId('nobody')), 0)
    }),
  )

  test(
    'the thousandth key of an owner is found like the first',
    withStorage(async ({ keys }) => {
      const many = numbers(1_000).map((n) => aKey(`k${n}`, '-1'))
      await Promise.all(many.map((key) => keys.insert(key, undefined, CREATED)))
      for (const key of many) assert.equal((await keys.lookUp(key.fingerprint))?.key.id, key.id)
      assert.equal(await keys.countByOwner(userId('-1')), 1_000)
    }),
  )
}

function describeInserting(withStorage: WithStorage): void {
  test(
    'a key needs an owner that is stored or the anonymous user',
    withStorage(async (storage) => {
      await refusal(storage.keys.insert(aKey('k', 'nobody'), undefined, CREATED), 'user.not_found')
      assert.equal(await storage.keys.findById(keyId('k')), undefined)
      assert.deepEqual(await auditSubjects(storage, 'key.create'), [])
    }),
  )

  test(
    'of 64 inserts with one id at once exactly one wins, whoever the owners are',
    withStorage(async (storage) => {
      await withUsers(storage, 'ann')
      const inserts = numbers(64).map((n) => {
        const key = aKey('same', n % 2 === 0 ? 'ann' : '-1', { fingerprint: fingerprintOf(`same ${n}`) })
        return storage.keys.insert(key, undefined, anEvent('key.create', `key:${n}`))
      })
      const { fulfilled, codes } = await outcomes(inserts)
      assert.equal(fulfilled, 1)
      assert.deepEqual([...codes], ['key.id_taken'])
      assert.equal((await auditSubjects(storage, 'key.create')).length, 1)
    }),
  )

  test(
    'an owner never holds more than perOwnerMax keys, however many inserts arrive at once',
    withStorage(async (storage) => {
      await withUsers(storage, 'ann', 'bob')
      await storage.keys.insert(aKey('of-bob', 'bob'), 1, CREATED)
      const inserts = numbers(64).map((n) => storage.keys.insert(aKey(`k${n}`, 'ann'), 10, CREATED))
      const { fulfilled, codes } = await outcomes(inserts)
      assert.equal(fulfilled, 10)
      assert.deepEqual([...codes], ['key.owner_full'])
      assert.equal(await storage.keys.countByOwner(userId('ann')), 10)
      assert.equal(await storage.keys.countByOwner(userId('bob')), 1)
    }),
  )

  test(
    'a revoked key makes room for another',
    withStorage(async ({ keys }) => {
      const owner = userId('-1')
      await keys.insert(aKey('a', owner), 1, CREATED)
      const full = await refusal(keys.insert(aKey('b', owner), 1, CREATED), 'key.owner_full')
      assert.deepEqual(full.facts, { owner, count: 1, max: 1 })
      await revokeKey(keys, 'a')
      await keys.insert(aKey('b', owner), 1, CREATED)
      assert.equal(await keys.countByOwner(owner), 1)
    }),
  )

  test(
    'a refused change does not disturb those that share its commit',
    withStorage(async ({ keys }) => {
      const results = await Promise.allSettled([
        keys.insert(aKey('a', '-1'), undefined, CREATED),
        keys.insert(aKey('x', 'nobody'), undefined, CREATED),
        keys.insert(aKey('b', '-1'), undefined, CREATED),
      ])
      assert.deepEqual(
        results.map((result) => result.status),
        ['fulfilled', 'rejected', 'fulfilled'],
      )
      assert.equal(await keys.countByOwner(userId('-1')), 2)
    }),
  )
}
