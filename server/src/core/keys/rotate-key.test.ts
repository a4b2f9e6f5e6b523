import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { K1, openManagedKeys } from '../contract/managed-keys.ts'
import { TEST_ORIGIN } from '../contract/test-authority.ts'
import { fingerprintOf } from './fingerprint.ts'
import { CUT_OVER_MS_MAX, GRACE_MS_MAX } from './rotate-key.ts'

describe('rotating a key', () => {
  test('gives it a new secret at once, while the old one stays good to the end of the grace', async (t) => {
    const { authority, root, token, answerTo } = await openManagedKeys(t)
    const { token: next, issued } = await authority.lifeCycle.rotate(root, K1, { graceMs: 60_000 })
    assert.equal(issued.key.id, K1)
    assert.equal(issued.key.fingerprint, fingerprintOf(next.reveal()))
    assert.deepEqual([await answerTo(token), await answerTo(next.reveal())], ['valid', 'valid'])
    authority.clock.passMs(59_999)
    assert.equal(await answerTo(token), 'valid')
    authority.clock.passMs(1)
    assert.deepEqual([await answerTo(token), await answerTo(next.reveal())], ['unknown', 'valid'])
  })

  test('without grace ends the old secret at once, and announces that', async (t) => {
    const { authority, root, token, answerTo } = await openManagedKeys(t)
    const { token: next } = await authority.lifeCycle.rotate(root, K1, { graceMs: 0 })
    assert.deepEqual([await answerTo(token), await answerTo(next.reveal())], ['unknown', 'valid'])
    assert.deepEqual(authority.ended, [fingerprintOf(token)])
  })

  test('can be planned: the new secret is good from that instant on', async (t) => {
    const { authority, root, token, answerTo } = await openManagedKeys(t)
    const cutOverAt = authority.clock.now() + 1_000
    const { token: next } = await authority.lifeCycle.rotate(root, K1, { graceMs: 500, cutOverAt })
    const answers = async () => [await answerTo(token), await answerTo(next.reveal())]
    authority.clock.setTo(cutOverAt - 1)
    assert.deepEqual(await answers(), ['valid', 'unknown'])
    authority.clock.setTo(cutOverAt)
    assert.deepEqual(await answers(), ['valid', 'valid'])
    authority.clock.setTo(cutOverAt + 499)
    assert.deepEqual(await answers(), ['valid', 'valid'])
    authority.clock.setTo(cutOverAt + 500)
    assert.deepEqual(await answers(), ['unknown', 'valid'])
  })

  test('without grace ends all earlier secrets at once, however many are good, and announces that', async (t) => {
    const { authority, root, token, answerTo } = await openManagedKeys(t)
    const tokens = [token]
    for (let n = 0; n < 3; n++) {
      const { token: next } = await authority.lifeCycle.rotate(root, K1, { graceMs: 1_000 })
      tokens.push(next.reveal())
    }
    const { token: last, issued } = await authority.lifeCycle.rotate(root, K1, { graceMs: 0 })
    for (const earlier of tokens) assert.equal(await answerTo(earlier), 'unknown')
    assert.equal(await answerTo(last.reveal()), 'valid')
    assert.equal(issued.key.previous, undefined)
    assert.deepEqual(authority.ended.toSorted(), tokens.map(fingerprintOf).sort())
  })

  test('with a shorter grace cuts the overlap of all earlier secrets short, and never makes it longer', async (t) => {
    const { authority, root, token, answerTo } = await openManagedKeys(t)
    const { token: second } = await authority.lifeCycle.rotate(root, K1, { graceMs: 60_000 })
    const { token: third } = await authority.lifeCycle.rotate(root, K1, { graceMs: 1_000 })
    await authority.lifeCycle.rotate(root, K1, { graceMs: 5_000 })
    const answers = async () => [
      await answerTo(token),
      await answerTo(second.reveal()),
      await answerTo(third.reveal()),
    ]
    authority.clock.passMs(999)
    assert.deepEqual(await answers(), ['valid', 'valid', 'valid'])
    authority.clock.passMs(1)
    assert.deepEqual(await answers(), ['unknown', 'unknown', 'valid'])
  })

  test('takes the place of a plan that has not come: the planned secret is never good', async (t) => {
    const { authority, root, token, answerTo, eventsOf } = await openManagedKeys(t)
    const cutOverAt = authority.clock.now() + 60_000
    const { token: planned } = await authority.lifeCycle.rotate(root, K1, { graceMs: 0, cutOverAt })
    const { token: next } = await authority.lifeCycle.rotate(root, K1, { graceMs: 90_000 })
    const answers = async () => [
      await answerTo(token),
      await answerTo(planned.reveal()),
      await answerTo(next.reveal()),
    ]
    assert.deepEqual(await answers(), ['valid', 'unknown', 'valid'])
    assert.deepEqual(authority.ended, [fingerprintOf(planned.reveal())])
    assert.deepEqual(eventsOf('key.rotate')[1]?.details, {
      owner: 'bob',
      before: fingerprintOf(token),
      planned: fingerprintOf(planned.reveal()),
      plannedFrom: cutOverAt,
      after: fingerprintOf(next.reveal()),
      previousGoodUntil: authority.clock.now() + 90_000,
      cancelsPlan: true,
    })
    authority.clock.setTo(cutOverAt)
    assert.deepEqual(await answers(), ['valid', 'unknown', 'valid'])
    authority.clock.passMs(30_000)
    assert.deepEqual(await answers(), ['unknown', 'unknown', 'valid'])
  })

  test('without anything ends also the secret that was to be good until a cut-over', async (t) => {
    const { authority, root, token, answerTo } = await openManagedKeys(t)
    const cutOverAt = authority.clock.now() + 60_000
    await authority.lifeCycle.rotate(root, K1, { graceMs: 0, cutOverAt })
    const { token: next } = await authority.lifeCycle.rotate(root, K1, { graceMs: 0 })
    assert.deepEqual([await answerTo(token), await answerTo(next.reveal())], ['unknown', 'valid'])
  })

  test('planned again moves the cut-over', async (t) => {
    const { authority, root, token, answerTo } = await openManagedKeys(t)
    const cutOverAt = authority.clock.now() + 60_000
    await authority.lifeCycle.rotate(root, K1, { graceMs: 0, cutOverAt })
    const later = { graceMs: 0, cutOverAt: cutOverAt + 60_000 }
    const { token: next } = await authority.lifeCycle.rotate(root, K1, later)
    authority.clock.setTo(cutOverAt + 59_999)
    assert.deepEqual([await answerTo(token), await answerTo(next.reveal())], ['valid', 'unknown'])
    authority.clock.passMs(1)
    assert.deepEqual([await answerTo(token), await answerTo(next.reveal())], ['unknown', 'valid'])
  })

  test('planned without grace leaves no instant without exactly one good secret', async (t) => {
    const { authority, root, token, answerTo } = await openManagedKeys(t)
    const cutOverAt = authority.clock.now() + 1_000
    const { token: next } = await authority.lifeCycle.rotate(root, K1, { graceMs: 0, cutOverAt })
    for (const at of [cutOverAt - 1, cutOverAt]) {
      authority.clock.setTo(at)
      const answers = [await answerTo(token), await answerTo(next.reveal())].sort()
      assert.deepEqual(answers, ['unknown', 'valid'])
    }
  })

  test('keeps the family of the token, the budget, the policy and the counts', async (t) => {
    const policy = { credits: { initial: 5 }, limits: [{ name: 'm', limit: 3, windowMs: 60_000 }] }
    const { authority, root, token } = await openManagedKeys(t, { policy, metadata: { a: 1 } })
    await authority.verification.check(token, {})
    const { token: next, issued } = await authority.lifeCycle.rotate(root, K1, { graceMs: 0 })
    assert.match(next.reveal(), /^lk_live_/)
    assert.notEqual(issued.key.hint, undefined)
    assert.equal(next.reveal().startsWith(issued.key.hint ?? '?'), true)
    assert.deepEqual([issued.key.policy, issued.key.metadata, issued.credits], [policy, { a: 1 }, 4])
    const verdict = await authority.verification.check(next.reveal(), {})
    assert.deepEqual([verdict.credits, verdict.limits[0]?.remaining], [3, 1])
    const other = await authority.keys.issueFor(root, { owner: root.user.id, description: 'as Kuzzle' })
    const rotated = await authority.lifeCycle.rotate(root, other.issued.id, { graceMs: 0 })
    assert.match(rotated.token.reveal(), /^kapikey-/)
  })

  test('at the same moment succeeds for one, and leaves one event without a secret', async (t) => {
    const { authority, root, token, eventsOf } = await openManagedKeys(t)
    const results = await Promise.allSettled(
      Array.from({ length: 5 }, () => authority.lifeCycle.rotate(root, K1, { graceMs: 1_000 })),
    )
    const done = results.filter((result) => result.status === 'fulfilled')
    assert.equal(done.length, 1)
    for (const result of results)
      if (result.status === 'rejected') assert.equal(result.reason.code, 'key.rotating')
    const [event, ...others] = eventsOf('key.rotate')
    assert.deepEqual(others, [])
    const next = done[0]?.value.token.reveal() ?? '?'
    assert.deepEqual(event?.details, {
      owner: 'bob',
      before: fingerprintOf(token),
      after: fingerprintOf(next),
      previousGoodUntil: authority.clock.now() + 1_000,
    })
  })

  test('has to wait while too many earlier secrets are still good', async (t) => {
    const { authority, root } = await openManagedKeys(t)
    const rotate = () => authority.lifeCycle.rotate(root, K1, { graceMs: 1_000 })
    for (let n = 0; n < 3; n++) await rotate()
    await assert.rejects(rotate(), { code: 'key.rotating' })
    authority.clock.passMs(1_000)
    await rotate()
  })

  test('refuses times that cannot be meant', async (t) => {
    const { authority, root } = await openManagedKeys(t, { ttlMs: 1_000_000 })
    const now = authority.clock.now()
    const wrong = [
      { graceMs: -1 },
      { graceMs: 0.5 },
      { graceMs: Number.NaN },
      { graceMs: GRACE_MS_MAX + 1 },
      { graceMs: 0, cutOverAt: now - 1 },
      { graceMs: 0, cutOverAt: now + 1_000_000 },
      { graceMs: 0, cutOverAt: now + CUT_OVER_MS_MAX + 1 },
      { graceMs: 0, cutOverAt: Number.NaN },
    ]
    for (const how of wrong) {
      await assert.rejects(authority.lifeCycle.rotate(root, K1, how), { code: 'key.rotation_invalid' })
    }
    await authority.lifeCycle.rotate(root, K1, { graceMs: 0, cutOverAt: now })
  })

  test('is for owners too, and a caller with the old secret says until when it is good', async (t) => {
    const { authority, bob, token } = await openManagedKeys(t)
    await authority.lifeCycle.rotate(bob, K1, { graceMs: 700 })
    const verdict = await authority.tokens.verify(token, TEST_ORIGIN)
    assert.ok(verdict.valid && verdict.token.kind === 'key')
    assert.deepEqual(verdict.token.shown, {
      fingerprint: fingerprintOf(token),
      goodUntil: authority.clock.now() + 700,
    })
  })

  test('of a keyspace that is no more is refused by its name', async (t) => {
    const keyspaces = {
      default: { prefix: 'lk', environment: 'live' },
      iot: { prefix: 'iot', environment: 'prod' },
    }
    const { authority, root, token } = await openManagedKeys(
      t,
      { native: { keyspace: 'iot' } },
      { keyspaces },
    )
    assert.match(token, /^iot_prod_/)
    const request = { owner: root.user.id, description: 'd', native: { keyspace: 'nope' } }
    await assert.rejects(authority.keys.issueFor(root, request), { code: 'keyspace.unknown' })
    await assert.rejects(authority.keys.issueFor(root, { ...request, native: { keyspace: 'constructor' } }), {
      code: 'keyspace.unknown',
    })
    assert.match((await authority.lifeCycle.rotate(root, K1, { graceMs: 0 })).token.reveal(), /^iot_prod_/)
  })
})
