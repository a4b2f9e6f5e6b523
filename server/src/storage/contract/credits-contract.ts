import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { CreditPlan } from '../../core/keys/policy.ts'
import type { KeyStore } from '../../core/ports/key-store.ts'
import { aKey, anEvent, auditSubjects, keyId, numbers, revokeKey } from './records.ts'
import type { WithStorage } from './with-storage.ts'

const CREATED = anEvent('key.create', 'key')
const K = keyId('k')
const DAY = 86_400_000

/** A key that was created at 1,000, with that budget. */
function withCredits(credits?: CreditPlan) {
  return aKey('k', '-1', { policy: { scopes: ['a:b'], ...(credits !== undefined && { credits }) } })
}

/** The promises of `KeyStore` about budgets. */
export function describeCredits(withStorage: WithStorage): void {
  describe('credits', () => {
    describeSpending(withStorage)
    describeSetting(withStorage)
    describeOtherPlans(withStorage)
  })
}

function describeSpending(withStorage: WithStorage): void {
  test(
    'a cost is spent wholly or not at all',
    withStorage(async ({ keys }) => {
      await keys.insert(withCredits({ initial: 10 }), undefined, CREATED)
      assert.deepEqual(await keys.spend(K, 4, 2_000), { spent: true, remaining: 6 })
      assert.deepEqual(await keys.spend(K, 7, 2_000), { spent: false, remaining: 6 })
      assert.deepEqual(await keys.spend(K, 0, 2_000), { spent: true, remaining: 6 })
      assert.deepEqual(await keys.spend(K, 6, 2_000), { spent: true, remaining: 0 })
      assert.deepEqual(await keys.spend(K, 0, 2_000), { spent: true, remaining: 0 })
      assert.deepEqual(await keys.spend(K, 1, 2_000), { spent: false, remaining: 0 })
      assert.equal((await keys.credits(K, 2_000))?.remaining, 0)
    }),
  )

  test(
    'of 64 spendings at once as many succeed as the budget pays, across a rotation',
    withStorage(async ({ keys }) => {
      const key = withCredits({ initial: 10 })
      await keys.insert(key, undefined, CREATED)
      const spend = () => keys.spend(K, 1, 2_000)
      const early = numbers(32).map(spend)
      const to = { replaces: key.fingerprint, fingerprint: aKey('new', '-1').fingerprint }
      const rotation = keys.rotate(K, { ...to, previousGoodUntil: 9_000 }, anEvent('key.rotate'))
      const all = await Promise.all([...early, ...numbers(32).map(spend)])
      assert.notEqual(await rotation, undefined)
      assert.equal(all.filter((spending) => spending?.spent).length, 10)
      assert.equal((await keys.credits(K, 2_000))?.remaining, 0)
    }),
  )

  test(
    'a budget is filled up when it is due, before the cost is judged',
    withStorage(async ({ keys }) => {
      const refill = { interval: 'every', everyMs: 1_000, amount: 5 } as const
      await keys.insert(withCredits({ initial: 3, refill }), undefined, CREATED)
      assert.deepEqual(await keys.spend(K, 3, 1_999), { spent: true, remaining: 0, refillAt: 2_000 })
      assert.deepEqual(await keys.spend(K, 1, 1_999), { spent: false, remaining: 0, refillAt: 2_000 })
      assert.deepEqual(await keys.credits(K, 2_000), { spent: true, remaining: 5, refillAt: 3_000 })
      assert.deepEqual(await keys.spend(K, 2, 2_000), { spent: true, remaining: 3, refillAt: 3_000 })
      assert.deepEqual(await keys.credits(K, 2_999), { spent: true, remaining: 3, refillAt: 3_000 })
    }),
  )

  test(
    'at the turn of a day exactly the new amount can be spent, however many try at once',
    withStorage(async ({ keys }) => {
      const refill = { interval: 'daily', amount: 7 } as const
      await keys.insert(withCredits({ initial: 0, refill }), undefined, CREATED)
      for (const turn of [DAY, 3 * DAY]) {
        const before = await Promise.all(numbers(8).map(() => keys.spend(K, 1, turn - 1)))
        assert.ok(turn !== DAY || before.every((spending) => spending?.spent === false))
        const after = await Promise.all(numbers(64).map(() => keys.spend(K, 1, turn)))
        assert.equal(after.filter((spending) => spending?.spent).length, 7)
      }
    }),
  )

  test(
    'a key without a budget, and one that is gone, spend nothing',
    withStorage(async ({ keys }) => {
      const event = anEvent('key.credits')
      await keys.insert(withCredits(), undefined, CREATED)
      await keys.insert(aKey('gone', '-1', { policy: { credits: { initial: 1 } } }), undefined, CREATED)
      await revokeKey(keys, 'gone')
      for (const id of [K, keyId('gone'), keyId('never')]) {
        assert.equal(await keys.spend(id, 1, 2_000), undefined)
        assert.equal(await keys.credits(id, 2_000), undefined)
        assert.equal(await keys.setCredits(id, { operation: 'set', amount: 5 }, event), undefined)
      }
    }),
  )
}

function describeSetting(withStorage: WithStorage): void {
  test(
    'what is left can be set, added to and taken from, but not below nothing',
    withStorage(async (storage) => {
      const { keys } = storage
      await keys.insert(withCredits({ initial: 10 }), undefined, CREATED)
      const change = async (operation: 'set' | 'increment' | 'decrement', amount: number) =>
        (await keys.setCredits(K, { operation, amount }, anEvent('key.credits', 'key')))?.remaining
      assert.equal(await change('increment', 5), 15)
      assert.equal(await change('decrement', 4), 11)
      assert.equal(await change('decrement', 12), 0)
      assert.equal(await change('set', 3), 3)
      assert.equal(await change('increment', Number.MAX_SAFE_INTEGER), Number.MAX_SAFE_INTEGER)
      assert.deepEqual(await keys.spend(K, 1, 2_000), {
        spent: true,
        remaining: Number.MAX_SAFE_INTEGER - 1,
      })
      assert.equal((await auditSubjects(storage, 'key.credits')).length, 5)
    }),
  )

  test(
    'a refill that is due comes before the change',
    withStorage(async ({ keys }) => {
      const refill = { interval: 'every', everyMs: 1_000, amount: 5 } as const
      await keys.insert(withCredits({ initial: 3, refill }), undefined, CREATED)
      const event = anEvent('key.credits', 'key', { at: 2_500 })
      const left = await keys.setCredits(K, { operation: 'increment', amount: 1 }, event)
      assert.deepEqual(left, { spent: true, remaining: 6, refillAt: 3_000 })
      assert.equal((await keys.credits(K, 2_999))?.remaining, 6)
    }),
  )
}

function describeOtherPlans(withStorage: WithStorage): void {
  const replan = (keys: KeyStore, credits: CreditPlan | undefined, at = 2_000) =>
    keys.update(
      K,
      (key) => ({ ...key, policy: withCredits(credits).policy ?? {} }),
      anEvent('key.update', 'key', { at }),
    )

  test(
    'what was spent stays spent under another plan; none ends the budget, and the first one starts it',
    withStorage(async ({ keys }) => {
      await keys.insert(withCredits({ initial: 10 }), undefined, CREATED)
      await keys.spend(K, 4, 2_000)
      const left = async () => (await keys.credits(K, 2_500))?.remaining
      await keys.update(K, (key) => ({ ...key, description: 'new' }), anEvent('key.update'))
      await replan(keys, { initial: 10 })
      assert.equal(await left(), 6)
      await replan(keys, { initial: 10, refill: { interval: 'monthly', day: 1, amount: 10 } })
      assert.equal(await left(), 6)
      await replan(keys, { initial: 20 })
      assert.equal(await left(), 16)
      await replan(keys, { initial: 5 })
      assert.equal(await left(), 1)
      await replan(keys, { initial: 3 })
      assert.equal(await left(), 0)
      await replan(keys, undefined)
      assert.equal(await left(), undefined)
      await replan(keys, { initial: 5 })
      assert.equal(await left(), 5)
    }),
  )

  test(
    'a refill of the plan before that is due comes first, and turns of the other plan count from the change on',
    withStorage(async ({ keys }) => {
      const every = (amount: number) => ({ interval: 'every', everyMs: 1_000, amount }) as const
      await keys.insert(withCredits({ initial: 9 }), undefined, CREATED)
      await keys.spend(K, 9, 2_000)
      await replan(keys, { initial: 9, refill: every(5) }, 5_500)
      assert.deepEqual(await keys.credits(K, 5_999), { spent: true, remaining: 0, refillAt: 6_000 })
      assert.equal((await keys.spend(K, 2, 6_000))?.remaining, 3)
      await replan(keys, { initial: 10, refill: every(7) }, 7_500)
      assert.deepEqual(await keys.credits(K, 7_999), { spent: true, remaining: 6, refillAt: 8_000 })
      assert.equal((await keys.credits(K, 8_000))?.remaining, 7)
    }),
  )

  test(
    'changes of the plan amid spendings give no credits and take none',
    withStorage(async ({ keys }) => {
      await keys.insert(withCredits({ initial: 10 }), undefined, CREATED)
      const [spendings] = await Promise.all([
        Promise.all(numbers(64).map(() => keys.spend(K, 1, 2_000))),
        replan(keys, { initial: 15 }),
        keys.update(K, (key) => ({ ...key, description: 'new' }), anEvent('key.update')),
      ])
      const rest = await Promise.all(numbers(20).map(() => keys.spend(K, 1, 2_000)))
      assert.equal([...spendings, ...rest].filter((spending) => spending?.spent).length, 15)
      assert.equal((await keys.credits(K, 2_000))?.remaining, 0)
    }),
  )
}
