import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { MATCH_ALL } from '../../query/filter.ts'
import { BOB, K1, type ManagedKeys, openManagedKeys } from '../contract/managed-keys.ts'
import type { KeyId, UserId } from '../ids.ts'
import type { KeySelection } from '../key-authority.ts'
import { BULK_MAX } from './bulk-keys.ts'

const REVOKE = { kind: 'revoke', reason: 'cessationOfOperation', dryRun: false } as const
const DISABLE = { kind: 'disable', reason: 'unspecified', dryRun: false } as const

async function issueMany({ authority, root }: ManagedKeys, owner: UserId, count: number, team: string) {
  await Promise.all(
    Array.from({ length: count }, (_, n) =>
      authority.keys.issueFor(root, {
        owner,
        description: team,
        id: `${team}${n}` as KeyId,
        metadata: { team },
      }),
    ),
  )
}

describe('a listing', () => {
  test('shows the callers own keys, and those of everybody to who may read them', async (t) => {
    const keys = await openManagedKeys(t)
    await issueMany(keys, 'eve' as UserId, 3, 'x')
    const { lifeCycle } = keys.authority
    const ids = async (...args: Parameters<typeof lifeCycle.list>) =>
      (await lifeCycle.list(...args)).keys.map(({ key }) => key.id)
    assert.deepEqual(await ids(keys.bob, {}, { limit: 10 }), ['k1'])
    assert.deepEqual(await ids(keys.root, {}, { limit: 10 }), ['k1', 'x0', 'x1', 'x2'])
    assert.deepEqual(await ids(keys.root, { owner: 'eve' as UserId }, { limit: 10 }), ['x0', 'x1', 'x2'])
    await assert.rejects(ids(keys.bob, { owner: 'eve' as UserId }, { limit: 10 }), { code: 'right.missing' })
    await assert.rejects(ids(await keys.userWhoMay('carol'), {}, { limit: 10 }), { code: 'right.missing' })
  })

  test('goes on where the page before ended, and shows each key as it is', async (t) => {
    const keys = await openManagedKeys(t, { policy: { credits: { initial: 5 } } })
    await issueMany(keys, BOB, 5, 'x')
    const { lifeCycle } = keys.authority
    await lifeCycle.disable(keys.root, 'x1' as KeyId, undefined)
    await lifeCycle.revoke(keys.root, 'x2' as KeyId, { reason: 'superseded' })
    const seen: string[] = []
    let after: string | undefined
    do {
      const page = await lifeCycle.list(keys.root, {}, { limit: 2, ...(after !== undefined && { after }) })
      seen.push(...page.keys.map(({ key, state, credits }) => `${key.id} ${state} ${credits ?? ''}`.trim()))
      after = page.next
    } while (after !== undefined)
    assert.deepEqual(seen, ['k1 active 5', 'x0 active', 'x1 disabled', 'x3 active', 'x4 active'])
    const revoked = await lifeCycle.list(keys.root, { state: 'revoked' }, { limit: 10 })
    assert.deepEqual(
      revoked.keys.map(({ key, state, revocation }) => [key.id, state, revocation?.reason]),
      [['x2', 'revoked', 'superseded']],
    )
  })
})

describe('a change of many keys', () => {
  test('counts first when told so, and then does what it counted', async (t) => {
    const keys = await openManagedKeys(t)
    await issueMany(keys, 'eve' as UserId, 250, 'x')
    await issueMany(keys, 'eve' as UserId, 5, 'y')
    const { lifeCycle } = keys.authority
    const selection: KeySelection = { filter: { metadata: { team: 'x' } } }
    const counted = await lifeCycle.bulk(keys.root, { ...REVOKE, dryRun: true }, selection)
    assert.deepEqual(counted, { matched: 250, changed: 0, complete: true })
    assert.deepEqual(await lifeCycle.bulk(keys.root, REVOKE, selection), {
      matched: 250,
      changed: 250,
      complete: true,
    })
    assert.deepEqual(await lifeCycle.bulk(keys.root, REVOKE, selection), {
      matched: 0,
      changed: 0,
      complete: true,
    })
    assert.equal((await lifeCycle.get(keys.root, 'x249' as KeyId)).revocation?.reason, 'cessationOfOperation')
    assert.equal((await lifeCycle.get(keys.root, 'y0' as KeyId)).state, 'active')
    assert.equal(keys.eventsOf('key.delete').length, 250)
  })

  test('disables what a search finds, and leaves alone what is disabled already', async (t) => {
    const keys = await openManagedKeys(t)
    await issueMany(keys, BOB, 4, 'x')
    const { lifeCycle } = keys.authority
    await lifeCycle.disable(keys.root, 'x0' as KeyId, 'before')
    const selection: KeySelection = { owner: BOB, search: { query: MATCH_ALL, from: 0, size: 1 } }
    assert.deepEqual(await lifeCycle.bulk(keys.bob, DISABLE, selection), {
      matched: 4,
      changed: 4,
      complete: true,
    })
    assert.equal((await lifeCycle.get(keys.bob, 'x0' as KeyId)).key.disabled?.reason, 'before')
    assert.equal((await lifeCycle.get(keys.bob, K1)).state, 'disabled')
  })

  test('comes to the keys behind more disabled ones than it changes at once', async (t) => {
    const keys = await openManagedKeys(t)
    const { lifeCycle, keys: issuing } = keys.authority
    const owner = 'eve' as UserId
    await Promise.all(
      Array.from({ length: BULK_MAX }, () =>
        issuing.issueFor(keys.root, { owner, description: '', disabled: true }),
      ),
    )
    await issueMany(keys, owner, 1, 'last')
    const search: KeySelection = { owner, search: { query: MATCH_ALL, from: 0, size: 1 } }
    const counted = { matched: 1, changed: 0, complete: true }
    assert.deepEqual(await lifeCycle.bulk(keys.root, { ...DISABLE, dryRun: true }, search), counted)
    const done = { matched: 1, changed: 1, complete: true }
    assert.deepEqual(await lifeCycle.bulk(keys.root, DISABLE, { filter: { owner } }), done)
  })

  test('needs the right for all that could match', async (t) => {
    const keys = await openManagedKeys(t)
    const { lifeCycle } = keys.authority
    await assert.rejects(lifeCycle.bulk(keys.bob, REVOKE, { filter: {} }), { code: 'right.missing' })
    await assert.rejects(lifeCycle.bulk(keys.bob, REVOKE, { filter: { owner: 'eve' as UserId } }), {
      code: 'right.missing',
    })
    assert.equal((await lifeCycle.bulk(keys.bob, REVOKE, { filter: { owner: BOB } })).changed, 1)
    const revoker = await keys.userWhoMay('carol', 'keys:revoke')
    assert.equal((await lifeCycle.bulk(revoker, REVOKE, { filter: {} })).changed, 0)
  })
})

describe('budgets, use and limits of owners', () => {
  test('change as told, and never below nothing', async (t) => {
    const { authority, root, token, bob } = await openManagedKeys(t, { policy: { credits: { initial: 5 } } })
    const { lifeCycle, verification } = authority
    const set = async (operation: 'set' | 'increment' | 'decrement', amount: number) =>
      (await lifeCycle.setCredits(root, K1, { operation, amount })).remaining
    assert.deepEqual([await set('increment', 3), await set('decrement', 1), await set('set', 2)], [8, 7, 2])
    assert.equal(await set('decrement', 99), 0)
    assert.equal((await verification.check(token, {})).refusal, 'usage_exceeded')
    for (const amount of [-1, 0.5, Number.NaN]) {
      await assert.rejects(lifeCycle.setCredits(root, K1, { operation: 'set', amount }), {
        code: 'policy.invalid',
      })
    }
    await assert.rejects(lifeCycle.setCredits(bob, K1, { operation: 'set', amount: 9 }), {
      code: 'right.missing',
    })
    await lifeCycle.update(root, K1, { credits: null })
    await assert.rejects(lifeCycle.setCredits(root, K1, { operation: 'set', amount: 9 }), {
      code: 'policy.invalid',
    })
  })

  test('are told of to the moment', async (t) => {
    const { authority, bob, root, token } = await openManagedKeys(t)
    await authority.verification.check(token, {})
    await authority.lifeCycle.disable(root, K1, undefined)
    await authority.verification.check(token, {})
    const [today, ...others] = await authority.lifeCycle.usage(bob, K1, 30)
    assert.deepEqual([today?.accepted, today?.refused, others], [1, 1, []])
  })

  test('of an owner are set by who may update everybodys keys, and seen by the owner', async (t) => {
    const { authority, bob, eve, root, eventsOf } = await openManagedKeys(t)
    const { lifeCycle } = authority
    const limits = [{ name: 'all', limit: 5, windowMs: 1_000 }]
    await assert.rejects(lifeCycle.setOwnerLimits(bob, BOB, []), { code: 'right.missing' })
    await assert.rejects(lifeCycle.setOwnerLimits(root, BOB, [{ name: '', limit: 0, windowMs: 1 }]), {
      code: 'policy.invalid',
    })
    await lifeCycle.setOwnerLimits(root, BOB, limits)
    assert.deepEqual(await lifeCycle.ownerLimits(bob, BOB), limits)
    await assert.rejects(lifeCycle.ownerLimits(eve, BOB), { code: 'right.missing' })
    assert.deepEqual(eventsOf('owner.limits')[0]?.details, { before: [], after: limits })
    await lifeCycle.setOwnerLimits(root, BOB, [])
    assert.deepEqual(await lifeCycle.ownerLimits(bob, BOB), [])
  })
})
