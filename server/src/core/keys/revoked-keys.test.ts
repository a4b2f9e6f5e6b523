import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Caller } from '../access/caller.ts'
import { BOB, K1, openManagedKeys } from '../contract/managed-keys.ts'
import { TEST_ORIGIN } from '../contract/test-authority.ts'
import { KEYS_PURGED_EVERY_MS } from '../housekeeping.ts'
import type { KeyId } from '../ids.ts'
import { fingerprintOf } from './fingerprint.ts'

const DAY_MS = 86_400_000

describe('a revoked key', () => {
  test('is refused as such by every secret of it, and can still be looked at', async (t) => {
    const { authority, root, bob, token, answerTo } = await openManagedKeys(t)
    const { lifeCycle, clock } = authority
    const next = (await lifeCycle.rotate(root, K1, { graceMs: 60_000 })).token.reveal()
    const revocation = {
      at: clock.now(),
      by: 'root',
      reason: 'keyCompromise',
      comment: 'in a public place',
    } as const
    const revoked = await lifeCycle.revoke(root, K1, {
      reason: revocation.reason,
      comment: revocation.comment,
    })
    assert.deepEqual([revoked.state, revoked.revocation], ['revoked', revocation])
    assert.deepEqual([await answerTo(token), await answerTo(next)], ['revoked', 'revoked'])
    assert.deepEqual([...authority.ended].sort(), [fingerprintOf(token), fingerprintOf(next)].sort())
    assert.deepEqual((await lifeCycle.get(bob, K1)).revocation, revocation)
  })

  test('can be revoked again: the first revocation stays', async (t) => {
    const { authority, root, eve, eventsOf } = await openManagedKeys(t)
    const first = await authority.lifeCycle.revoke(root, K1, { reason: 'superseded' })
    authority.clock.passMs(9)
    assert.deepEqual(await authority.lifeCycle.revoke(root, K1, { reason: 'unspecified' }), first)
    await assert.rejects(authority.lifeCycle.revoke(eve, K1, { reason: 'unspecified' }), {
      code: 'key.not_found',
    })
    assert.equal(eventsOf('key.delete').length, 1)
  })

  test('says so to who would change it and may, and does not exist for others', async (t) => {
    const keys = await openManagedKeys(t, { policy: { credits: { initial: 5 } } })
    const { authority, root, bob, eve, token } = keys
    const { lifeCycle, verification, clock } = authority
    const reader = await keys.userWhoMay('carol', 'keys:read')
    await verification.check(token, {})
    assert.equal((await lifeCycle.usage(root, K1, 9)).length, 1)
    const revokedAt = clock.now()
    await lifeCycle.revoke(root, K1, { reason: 'unspecified' })
    clock.passMs(5)
    const changes: readonly ((caller: Caller) => Promise<unknown>)[] = [
      (caller) => lifeCycle.update(caller, K1, { description: 'd' }),
      (caller) => lifeCycle.rotate(caller, K1, { graceMs: 0 }),
      (caller) => lifeCycle.disable(caller, K1, undefined),
      (caller) => lifeCycle.enable(caller, K1),
    ]
    const setCredits = (caller: Caller) => lifeCycle.setCredits(caller, K1, { operation: 'set', amount: 1 })
    for (const change of [...changes, setCredits]) {
      await assert.rejects(change(root), {
        code: 'key.revoked',
        facts: { id: K1, revokedAt },
        message: /it was revoked at 2023-11-14T22:13:20\.000Z; "restore" brings it back/,
      })
      await assert.rejects(change(eve), { code: 'key.not_found' })
      await assert.rejects(change(reader), { code: 'right.missing' })
    }
    for (const change of changes) await assert.rejects(change(bob), { code: 'key.revoked' })
    for (const caller of [root, bob, reader]) {
      assert.deepEqual(
        (await lifeCycle.usage(caller, K1, 9)).map(({ accepted }) => accepted),
        [1],
      )
    }
    await assert.rejects(lifeCycle.usage(eve, K1, 9), { code: 'key.not_found' })
  })

  test('can be restored once; one that is not revoked is said to be what it is', async (t) => {
    const keys = await openManagedKeys(t)
    const { authority, root, bob, eve } = keys
    const restore = (caller: Caller) => authority.lifeCycle.restore(caller, K1)
    await authority.lifeCycle.disable(root, K1, undefined)
    await assert.rejects(restore(root), { code: 'key.not_revoked', facts: { id: K1, state: 'disabled' } })
    await assert.rejects(restore(bob), { code: 'right.missing' })
    await assert.rejects(restore(eve), { code: 'key.not_found' })
    await authority.lifeCycle.revoke(root, K1, { reason: 'unspecified' })
    const outcomes = await Promise.allSettled([restore(root), restore(root)])
    assert.deepEqual(outcomes.map(({ status }) => status).sort(), ['fulfilled', 'rejected'])
    const refused = outcomes.find((outcome) => outcome.status === 'rejected')
    assert.equal(refused?.reason.code, 'key.not_revoked')
  })

  test('comes back as it was when it is restored in time, and not later', async (t) => {
    const { authority, root, token, answerTo, eventsOf } = await openManagedKeys(
      t,
      { metadata: { a: 1 }, policy: { credits: { initial: 5 } } },
      { restoreWindowMs: 1_000 },
    )
    const { lifeCycle, clock, verification } = authority
    await verification.check(token, { cost: 2 })
    await lifeCycle.revoke(root, K1, { reason: 'unspecified' })
    clock.passMs(1_000)
    const restored = await lifeCycle.restore(root, K1)
    assert.deepEqual([restored.state, restored.credits, restored.key.metadata], ['active', 3, { a: 1 }])
    assert.equal(await answerTo(token), 'valid')
    assert.equal(eventsOf('key.restore').length, 1)
    await assert.rejects(lifeCycle.restore(root, K1), {
      code: 'key.not_revoked',
      facts: { id: K1, state: 'active' },
    })
    await lifeCycle.revoke(root, K1, { reason: 'unspecified' })
    clock.passMs(1_001)
    await assert.rejects(lifeCycle.restore(root, K1), { code: 'key.restore_too_late' })
  })

  test('does not come back over a key that has its id by now', async (t) => {
    const { authority, root, token, answerTo } = await openManagedKeys(t)
    await authority.keys.revoke(root, BOB, K1)
    await authority.keys.issueFor(root, { owner: BOB, description: 'another', id: K1 })
    await assert.rejects(authority.lifeCycle.restore(root, K1), { code: 'key.id_taken' })
    assert.equal(await answerTo(token), 'revoked')
  })

  test('is forgotten when it was kept long enough', async (t) => {
    const { authority, root, token, answerTo } = await openManagedKeys(t, {}, { revokedKeptMs: 2 * DAY_MS })
    await authority.housekeeping.runOnce()
    await authority.lifeCycle.revoke(root, K1, { reason: 'unspecified' })
    authority.clock.passMs(2 * DAY_MS)
    await authority.housekeeping.runOnce()
    assert.equal(await answerTo(token), 'revoked')
    authority.clock.passMs(KEYS_PURGED_EVERY_MS)
    await authority.housekeeping.runOnce()
    assert.equal(await answerTo(token), 'unknown')
    await assert.rejects(authority.lifeCycle.get(root, K1), { code: 'key.not_found' })
  })
})

describe('who holds a token', () => {
  test('can end it, wherever it is and whatever the key may do', async (t) => {
    const { authority, token, answerTo, eventsOf } = await openManagedKeys(t, {
      policy: { scopes: [], addresses: ['192.0.2.99'], window: { notBefore: 2_000_000_000_000 } },
    })
    const end = (text: string) => authority.lifeCycle.revokeToken(text, TEST_ORIGIN, 'keyCompromise')
    assert.equal(await end(token), true)
    assert.equal(await answerTo(token), 'revoked')
    assert.equal(await end(token), false)
    for (const text of ['garbage', 'kapikey-a.b.c', 'kauth-a.b.c']) assert.equal(await end(text), false)
    const [event] = eventsOf('key.delete')
    assert.deepEqual(
      [event?.actor, event?.actorKey, event?.details?.['reason']],
      ['bob', K1, 'keyCompromise'],
    )
  })

  test('can end a session, which is announced', async (t) => {
    const { authority, bob } = await openManagedKeys(t)
    const { token, issued } = await authority.sessions.createToken(bob, { singleUse: false })
    assert.equal(await authority.lifeCycle.revokeToken(token.reveal(), TEST_ORIGIN, 'unspecified'), true)
    assert.equal(await authority.lifeCycle.revokeToken(token.reveal(), TEST_ORIGIN, 'unspecified'), false)
    assert.deepEqual(authority.ended, [issued.fingerprint])
    assert.equal((await authority.tokens.verify(token.reveal(), TEST_ORIGIN)).valid, false)
  })

  test('cannot end a key by a secret that is over', async (t) => {
    const { authority, root, token, answerTo } = await openManagedKeys(t)
    const next = (await authority.lifeCycle.rotate(root, K1, { graceMs: 10 })).token.reveal()
    authority.clock.passMs(10)
    assert.equal(await authority.lifeCycle.revokeToken(token, TEST_ORIGIN, 'unspecified'), false)
    assert.equal(await answerTo(next), 'valid')
  })
})

describe('keys of a user who is removed', () => {
  test('are refused from then on, by every secret', async (t) => {
    const { authority, root, token, answerTo } = await openManagedKeys(t)
    const next = (await authority.lifeCycle.rotate(root, K1, { graceMs: 60_000 })).token.reveal()
    await authority.users.remove(root, BOB)
    for (const text of [token, next]) {
      assert.notEqual(await answerTo(text), 'valid')
      assert.ok(authority.ended.includes(fingerprintOf(text)))
    }
    await assert.rejects(authority.lifeCycle.restore(root, 'k1' as KeyId), (error: { code: string }) =>
      ['user.not_found', 'key.not_found'].includes(error.code),
    )
  })
})
