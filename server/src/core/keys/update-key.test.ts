import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { BOB, K1, openManagedKeys } from '../contract/managed-keys.ts'
import type { KeyChange } from '../key-authority.ts'

describe('updating a key', () => {
  test('changes what is given, clears what is null and keeps the rest', async (t) => {
    const { authority, root } = await openManagedKeys(t, {
      ttlMs: 10_000,
      metadata: { team: 'a' },
      policy: { scopes: ['a:b'], idleTimeoutMs: 5_000 },
    })
    const { lifeCycle } = authority
    const now = authority.clock.now()
    const updated = await lifeCycle.update(root, K1, {
      scopes: null,
      addresses: ['192.0.2.0/24'],
      expiresAt: now + 20_000,
    })
    assert.deepEqual(updated.key.policy, { addresses: ['192.0.2.0/24'], idleTimeoutMs: 5_000 })
    assert.deepEqual([updated.key.expiresAt, updated.key.ttlMs], [now + 20_000, 20_000])
    assert.deepEqual(updated.key.metadata, { team: 'a' })
    const cleared = await lifeCycle.update(root, K1, {
      metadata: null,
      addresses: null,
      idleTimeoutMs: null,
      expiresAt: null,
      description: 'now unbound',
    })
    assert.deepEqual(
      [
        cleared.key.policy,
        cleared.key.metadata,
        cleared.key.expiresAt,
        cleared.key.ttlMs,
        cleared.key.description,
      ],
      [undefined, undefined, undefined, undefined, 'now unbound'],
    )
    assert.deepEqual(await lifeCycle.get(root, K1), cleared)
  })

  test('counts from the very next verification', async (t) => {
    const { authority, root, token, answerTo } = await openManagedKeys(t)
    await authority.lifeCycle.update(root, K1, { addresses: ['192.0.2.0/24'] })
    assert.equal(await answerTo(token), 'forbidden')
    await authority.lifeCycle.update(root, K1, { addresses: null })
    assert.equal(await answerTo(token), 'valid')
    await authority.lifeCycle.update(root, K1, { expiresAt: authority.clock.now() + 5 })
    authority.clock.passMs(5)
    assert.equal(await answerTo(token), 'expired')
  })

  test('lets owners describe their keys and narrow them, but not loosen what binds them', async (t) => {
    const bounds = { scopes: ['a:b'], credits: { initial: 5 } }
    const { authority, bob } = await openManagedKeys(t, { ttlMs: 10_000, policy: bounds })
    const { lifeCycle, clock } = authority
    const created = clock.now()
    const narrowing: readonly KeyChange[] = [
      { description: 'mine', metadata: { note: 1 } },
      { expiresAt: created + 9_000 },
      { addresses: ['192.0.2.0/24'], idleTimeoutMs: 60_000 },
      { scopes: ['a:b'] },
    ]
    for (const change of narrowing) await lifeCycle.update(bob, K1, change)
    const loosening: readonly KeyChange[] = [
      { scopes: null },
      { scopes: ['a:b', 'a:c'] },
      { scopes: [] },
      { credits: null },
      { credits: { initial: 6 } },
      { expiresAt: null },
      { expiresAt: created + 9_001 },
      { addresses: null },
      { idleTimeoutMs: 60_001 },
    ]
    for (const change of loosening) {
      await assert.rejects(
        lifeCycle.update(bob, K1, change),
        (error: { code: string; facts: { members: unknown } }) => {
          assert.deepEqual([error.code, error.facts.members], ['key.policy_forbidden', Object.keys(change)])
          return true
        },
      )
    }
    const { key } = await lifeCycle.get(bob, K1)
    assert.deepEqual(key.policy, { ...bounds, addresses: ['192.0.2.0/24'], idleTimeoutMs: 60_000 })
    assert.equal(key.expiresAt, created + 9_000)
  })

  test('tells an owner what it may do, also when what it wants is tighter', async (t) => {
    const limits = [{ name: 'r', limit: 9, windowMs: 60_000 }]
    const policy = {
      scopes: ['a:*'],
      addresses: ['10.0.0.0/8'],
      idleTimeoutMs: 60_000,
      limits,
      credits: { initial: 9 },
    }
    const { authority, bob } = await openManagedKeys(t, { policy })
    const tighter: readonly (readonly [KeyChange, string])[] = [
      [{ scopes: ['a:b'] }, 'scopes'],
      [{ addresses: ['10.0.0.0/16'] }, 'addresses'],
      [{ limits: [{ name: 'r', limit: 1, windowMs: 60_000 }], credits: { initial: 1 } }, 'limits, credits'],
      [{ idleTimeoutMs: 1_000 }, 'idleTimeout'],
    ]
    for (const [change, members] of tighter) {
      await assert.rejects(authority.lifeCycle.update(bob, K1, change), {
        message: `Cannot change ${members} of key "k1": an owner may add a bound that the key does not have yet and bring its expiry forward; what is there can only be changed with the right "keys:update"`,
      })
    }
  })

  test('refuses what cannot be meant', async (t) => {
    const { authority, root } = await openManagedKeys(t)
    const { lifeCycle } = authority
    await assert.rejects(lifeCycle.update(root, K1, { scopes: ['no scope'] }), { code: 'policy.invalid' })
    await assert.rejects(lifeCycle.update(root, K1, { metadata: { text: 'x'.repeat(20_000) } }), {
      code: 'metadata.invalid',
    })
    for (const expiresAt of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      await assert.rejects(lifeCycle.update(root, K1, { expiresAt }), { code: 'key.ttl_invalid' })
    }
  })

  test('leaves one event with the bounds before and after, and of content only that it changed', async (t) => {
    const { authority, root, eventsOf } = await openManagedKeys(t, { policy: { scopes: ['a:b'] } })
    await authority.lifeCycle.update(root, K1, { scopes: ['a:*'], metadata: { password: 'hunter2' } })
    await authority.lifeCycle.update(root, K1, { scopes: ['a:*'] })
    const [event, ...others] = eventsOf('key.update')
    assert.deepEqual(others, [])
    assert.deepEqual(event?.details, {
      owner: 'bob',
      changed: ['metadata', 'policy'],
      before: { scopes: ['a:b'], expiresAt: null },
      after: { scopes: ['a:*'], expiresAt: null },
    })
  })

  test('loses none of many changes at the same time', async (t) => {
    const { authority, root } = await openManagedKeys(t)
    const { lifeCycle } = authority
    await Promise.all([
      lifeCycle.update(root, K1, { description: 'other' }),
      lifeCycle.update(root, K1, { scopes: ['a:b'] }),
      lifeCycle.update(root, K1, { metadata: { a: 1 } }),
      lifeCycle.disable(root, K1, 'busy'),
    ])
    const { key, state } = await lifeCycle.get(root, K1)
    assert.deepEqual(
      [key.description, key.policy, key.metadata, state],
      ['other', { scopes: ['a:b'] }, { a: 1 }, 'disabled'],
    )
  })

  test('of a credit plan leaves spent what was spent, and of anything else leaves what is left', async (t) => {
    const { authority, root, token } = await openManagedKeys(t, { policy: { credits: { initial: 5 } } })
    const { lifeCycle, verification } = authority
    await verification.check(token, { cost: 2 })
    assert.equal((await lifeCycle.update(root, K1, { scopes: ['*'] })).credits, 3)
    assert.equal((await lifeCycle.update(root, K1, { credits: { initial: 50 } })).credits, 48)
    await verification.check(token, { cost: 48 })
    const refill = { interval: 'daily', amount: 50 } as const
    assert.equal((await lifeCycle.update(root, K1, { credits: { initial: 50, refill } })).credits, 0)
    assert.equal((await lifeCycle.update(root, K1, { credits: null })).credits, undefined)
  })

  test('tells who listens when the token ends now', async (t) => {
    const { authority, root } = await openManagedKeys(t, { ttlMs: 10_000 })
    const heard: (number | undefined)[] = []
    authority.tokens.onLifeChanged((_fingerprint, expiresAt) => heard.push(expiresAt))
    const now = authority.clock.now()
    await authority.lifeCycle.update(root, K1, { expiresAt: now + 99 })
    await authority.lifeCycle.update(root, K1, { expiresAt: null })
    await authority.lifeCycle.update(root, K1, { description: 'no matter' })
    assert.deepEqual(heard, [now + 99, undefined])
    authority.clock.passMs(10)
    const { key } = await authority.lifeCycle.update(root, K1, { expiresAt: now + 1 })
    assert.deepEqual(authority.ended, [key.fingerprint])
  })
})

describe('disabling a key', () => {
  test('refuses it from the next verification on, and enabling makes it good again', async (t) => {
    const { authority, root, token, answerTo, eventsOf } = await openManagedKeys(t)
    const { lifeCycle, clock } = authority
    const disabled = await lifeCycle.disable(root, K1, 'leaked?')
    assert.deepEqual(disabled.key.disabled, { at: clock.now(), by: 'root', reason: 'leaked?' })
    assert.equal(await answerTo(token), 'disabled')
    assert.deepEqual(authority.ended, [disabled.key.fingerprint])
    clock.passMs(5)
    assert.deepEqual((await lifeCycle.disable(root, K1, 'again')).key.disabled, disabled.key.disabled)
    assert.equal((await lifeCycle.enable(root, K1)).state, 'active')
    assert.equal((await lifeCycle.enable(root, K1)).state, 'active')
    assert.equal(await answerTo(token), 'valid')
    assert.deepEqual([eventsOf('key.disable').length, eventsOf('key.enable').length], [1, 1])
  })

  test('can be taken back by an owner who did it, and not when somebody else did', async (t) => {
    const { authority, bob, root } = await openManagedKeys(t)
    const { lifeCycle } = authority
    await lifeCycle.disable(bob, K1, undefined)
    assert.equal((await lifeCycle.enable(bob, K1)).state, 'active')
    await lifeCycle.disable(root, K1, undefined)
    await assert.rejects(lifeCycle.enable(bob, K1), { code: 'right.missing' })
    assert.equal((await lifeCycle.get(bob, K1)).state, 'disabled')
  })

  test('by somebody else holds when the owner had disabled it before, also among many', async (t) => {
    const { authority, bob, root } = await openManagedKeys(t)
    const { lifeCycle } = authority
    const disableAll = () =>
      lifeCycle.bulk(
        root,
        { kind: 'disable', reason: 'keyCompromise', dryRun: false },
        { filter: { owner: BOB } },
      )
    for (const disable of [() => lifeCycle.disable(root, K1, 'abuse'), disableAll]) {
      await lifeCycle.disable(bob, K1, 'holidays')
      await disable()
      assert.equal((await lifeCycle.get(root, K1)).key.disabled?.by, 'root')
      await assert.rejects(lifeCycle.enable(bob, K1), { code: 'right.missing' })
      await lifeCycle.disable(bob, K1, 'holidays')
      await assert.rejects(lifeCycle.enable(bob, K1), { code: 'right.missing' })
      await lifeCycle.enable(root, K1)
    }
  })

  test('is possible from the beginning', async (t) => {
    const { token, answerTo } = await openManagedKeys(t, { disabled: true })
    assert.equal(await answerTo(token), 'disabled')
  })
})
