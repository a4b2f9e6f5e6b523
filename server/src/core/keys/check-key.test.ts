import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Caller } from '../access/caller.ts'
import { openTestAuthority, TEST_ORIGIN, type TestAuthority } from '../contract/test-authority.ts'
import type { KeyId, RoleId, UserId } from '../ids.ts'
import type { KeyRequest } from '../key-authority.ts'
import { fingerprintOfAny } from './check-key.ts'
import { TOKEN_LENGTH_MAX } from './key-token.ts'
import type { KeyPolicy } from './policy.ts'
import type { KeyCheck, KeyVerdict } from './verdict.ts'

const bob = 'bob' as UserId
const k1 = 'k1' as KeyId

/** An authority with a user `bob`, who has a native key `k1`. */
async function openWithKey(t: Parameters<typeof openTestAuthority>[0], changed: Partial<KeyRequest> = {}) {
  const authority = await openTestAuthority(t)
  const caller = await authority.userWith('bob')
  const root = await authority.userWith('root', 'admin')
  const { token, issued } = await authority.keys.issueFor(root, {
    owner: bob,
    description: 'd',
    id: k1,
    native: {},
    ...changed,
  })
  const check = (asked: KeyCheck = {}) => authority.verification.check(token.reveal(), asked)
  return { authority, caller, root, issued, token: token.reveal(), check }
}

const limited = (limit: number, credits?: number): KeyPolicy => ({
  limits: [{ name: 'fast', limit, windowMs: 1_000 }],
  ...(credits !== undefined && { credits: { initial: credits } }),
})

function atOnce(verdict: KeyVerdict | Promise<KeyVerdict>): KeyVerdict {
  assert.ok(!(verdict instanceof Promise), 'it was a promise')
  return verdict
}

async function allow(authority: TestAuthority, root: Caller, ...actions: readonly string[]): Promise<void> {
  await authority.roles.update(
    root,
    'default' as RoleId,
    {
      controllers: { invoices: { actions: Object.fromEntries(actions.map((name) => [name, true])) } },
      content: {},
    },
    true,
  )
}

describe('a check of a key', () => {
  test('answers at once, without a promise, whatever the token is', async (t) => {
    const { authority, issued, check } = await openWithKey(t)
    assert.deepEqual(atOnce(check()), { found: { key: issued }, limits: [] })
    const { verification } = authority
    assert.equal(atOnce(verification.check('garbage', {})).refusal, 'malformed')
    assert.equal(atOnce(verification.check('kapikey-a.b.c', {})).refusal, 'unknown')
    const asked: KeyCheck = { permissions: { kind: 'permission', controller: 'a', action: 'b' } }
    assert.equal(atOnce(check(asked)).refusal, 'insufficient')
  })

  test('knows nothing of sessions', async (t) => {
    const { authority, caller } = await openWithKey(t)
    const { token } = await authority.sessions.createToken(caller, { singleUse: true })
    assert.equal(atOnce(authority.verification.check(token.reveal(), {})).refusal, 'unknown')
    assert.equal((await authority.tokens.verify(token.reveal(), TEST_ORIGIN)).valid, true)
  })

  test('refuses a text of any length', async (t) => {
    const { authority, token } = await openWithKey(t)
    for (const text of ['', 'x'.repeat(TOKEN_LENGTH_MAX + 1), token.repeat(100), `${token} `, '\ud800']) {
      assert.equal(atOnce(authority.verification.check(text, {})).refusal, 'malformed')
    }
  })

  test('finds a key of every family by its fingerprint', async (t) => {
    const { authority, root } = await openWithKey(t)
    const { token, issued } = await authority.keys.issueFor(root, { owner: bob, description: 'as Kuzzle' })
    assert.match(token.reveal(), /^kapikey-/)
    assert.equal(atOnce(authority.verification.check(token.reveal(), {})).found?.key.id, issued.id)
  })

  test('asks the scopes of the key and the rights of its owner, and both must grant it', async (t) => {
    const { authority, root, check } = await openWithKey(t, {
      policy: { scopes: ['invoices:read', 'invoices:write', 'orders:*'] },
    })
    await allow(authority, root, 'read', 'delete')
    const may = (controller: string, action: string) =>
      atOnce(check({ permissions: { kind: 'permission', controller, action } })).refusal ?? 'granted'
    assert.equal(may('invoices', 'read'), 'granted')
    assert.equal(may('invoices', 'write'), 'insufficient')
    assert.equal(may('invoices', 'delete'), 'insufficient')
    assert.equal(may('orders', 'read'), 'insufficient')
  })

  test('sees rights that the owner was given or lost a moment ago', async (t) => {
    const { authority, root, check } = await openWithKey(t)
    const refusal = () =>
      atOnce(check({ permissions: { kind: 'permission', controller: 'invoices', action: 'read' } })).refusal
    assert.equal(refusal(), 'insufficient')
    await allow(authority, root, 'read')
    assert.equal(refusal(), undefined)
    await authority.users.replace(root, bob, { content: {}, profileIds: ['anonymous' as never] })
    assert.equal(refusal(), 'insufficient')
  })

  test('refuses a cost that is none, so that nobody can give credits to a key by using it', async (t) => {
    const { authority, check } = await openWithKey(t, { policy: { credits: { initial: 5 } } })
    for (const cost of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 1_000_000_001]) {
      assert.throws(() => check({ cost }), { code: 'policy.invalid' })
      await assert.rejects(authority.verification.explain('x', { cost }), { code: 'policy.invalid' })
    }
    assert.equal((await check()).credits, 4)
  })

  test('leaves events of refusals with the address of the client, grouped, and without a secret', async (t) => {
    const { authority, root, token, check } = await openWithKey(t)
    await authority.lifeCycle.disable(root, k1, undefined)
    const seen: KeyCheck = { address: '192.0.2.1' }
    await authority.verification.check(token, seen, { id: 'r1' })
    for (let n = 0; n < 50; n++) void check(seen)
    authority.verification.checkAll([{ key: 'garbage', check: seen }], { id: 'r2' })
    await authority.housekeeping.runOnce()
    const events = authority.audited.filter(({ action }) => action === 'token.refused')
    const disabled = events.filter(({ reason }) => reason === 'disabled')
    assert.ok(disabled.length <= 2)
    assert.equal(
      disabled.map(({ details }) => Number(details?.['count'] ?? 1)).reduce((a, b) => a + b),
      51,
    )
    assert.deepEqual([...new Set(events.map(({ subject }) => subject))], ['key:k1', 'token:malformed'])
    assert.deepEqual([...new Set(events.map(({ origin }) => origin.carrier))], ['verification'])
    assert.equal(events[0]?.origin.address, '192.0.2.1')
    assert.equal(events[0]?.origin.requestId, 'r1')
    assert.equal(events.find(({ reason }) => reason === 'malformed')?.origin.requestId, 'r2')
    assert.ok(!JSON.stringify(events).includes(token))
  })
})

describe('the request that asks about keys', () => {
  test('is given no id for keys that are good', async (t) => {
    const { authority, token } = await openWithKey(t)
    const request = {
      get id(): string {
        return assert.fail('nobody needs an id')
      },
    }
    assert.equal((await authority.verification.check(token, {}, request)).refusal, undefined)
    const answers = authority.verification.checkAll([{ key: token, check: { cost: 0 } }], request)
    assert.equal((await answers[0])?.refusal, undefined)
  })
})

describe('checks of several keys at once', () => {
  test('answer each as it would be alone, in their order, and wait only for those that have to', async (t) => {
    const { authority, root, token } = await openWithKey(t)
    const issue = async (policy: KeyPolicy) => {
      const asked = { owner: bob, description: '', native: {}, policy }
      return (await authority.keys.issueFor(root, asked)).token.reveal()
    }
    const [rated, paid] = [await issue(limited(1)), await issue({ credits: { initial: 1 } })]
    const shown = [token, 'garbage', rated, paid, 'kapikey-a.b.c', rated, 'kauth-a.b.c', paid, token]
    const answers = authority.verification.checkAll(shown.map((key) => ({ key, check: {} })))
    assert.deepEqual(
      answers.map((answer) => answer instanceof Promise),
      shown.map((key) => key === paid),
    )
    assert.deepEqual(
      (await Promise.all(answers)).map(({ refusal }) => refusal),
      [
        undefined,
        'malformed',
        undefined,
        undefined,
        'unknown',
        'rate_limited',
        'unknown',
        'usage_exceeded',
        undefined,
      ],
    )
    assert.deepEqual(authority.verification.checkAll([]), [])
  })

  test('fail alone: what was answered before and after is not lost', async (t) => {
    const { authority, token } = await openWithKey(t)
    const { keys } = authority.storage
    const lookUp = keys.lookUp.bind(keys)
    t.mock.method(keys, 'lookUp', (fingerprint: Parameters<typeof lookUp>[0]) => {
      if (fingerprint === fingerprintOfAny('kapikey-a.b.c')) throw new Error('the disk is gone')
      return lookUp(fingerprint)
    })
    const shown = [token, 'kapikey-a.b.c', token]
    const answers = authority.verification.checkAll(shown.map((key) => ({ key, check: {} })))
    const [first, second, third] = await Promise.allSettled(answers)
    assert.equal(first?.status === 'fulfilled' && first.value.refusal, undefined)
    assert.equal(second?.status, 'rejected')
    assert.equal(third?.status, 'fulfilled')
  })

  test('use none of the keys when one is to cost what cannot be spent', async (t) => {
    const { authority, token, check } = await openWithKey(t, { policy: { credits: { initial: 3 } } })
    const questions = [{}, { cost: -1 }].map((asked) => ({ key: token, check: asked }))
    assert.throws(() => authority.verification.checkAll(questions), { code: 'policy.invalid' })
    assert.equal((await check({ cost: 0 })).credits, 3)
  })
})

describe('limits and credits', () => {
  test('are taken all or none: what a limit refuses costs no credit', async (t) => {
    const { check } = await openWithKey(t, { policy: limited(2, 10) })
    const verdicts = [await check(), await check(), await check(), await check()]
    assert.deepEqual(
      verdicts.map(({ refusal }) => refusal),
      [undefined, undefined, 'rate_limited', 'rate_limited'],
    )
    assert.equal((await check({ cost: 0 })).credits, 8)
  })

  test('what the budget refuses is not counted against a limit', async (t) => {
    const { authority, check } = await openWithKey(t, { policy: limited(10, 3) })
    assert.equal((await check({ cost: 3 })).credits, 0)
    for (let n = 0; n < 50; n++) assert.equal((await check({ cost: 3 })).refusal, 'usage_exceeded')
    const { limits } = await check({ cost: 0 })
    assert.equal(limits[0]?.remaining, 7)
    authority.clock.passMs(300)
    assert.equal((await check({ cost: 0 })).limits[0]?.remaining, 10)
  })

  test('cost nothing when a use costs nothing, and tell what is left', async (t) => {
    const { check } = await openWithKey(t, { policy: limited(5, 3) })
    for (let n = 0; n < 20; n++) await check({ cost: 0 })
    const { refusal, credits, limits } = await check({ cost: 0 })
    assert.deepEqual([refusal, credits, limits[0]?.remaining], [undefined, 3, 5])
  })

  test('of the owner are shared by all of its keys', async (t) => {
    const { authority, root, check } = await openWithKey(t)
    await authority.lifeCycle.setOwnerLimits(root, bob, [{ name: 'all', limit: 3, windowMs: 60_000 }])
    const other = await authority.keys.issueFor(root, { owner: bob, description: 'd' })
    const checkOther = () => authority.verification.check(other.token.reveal(), {})
    const verdicts = [check(), checkOther(), check(), checkOther(), check()].map(
      (verdict) => atOnce(verdict).refusal,
    )
    assert.deepEqual(verdicts, [undefined, undefined, undefined, 'rate_limited', 'rate_limited'])
  })

  test('say when to come again', async (t) => {
    const { authority, check } = await openWithKey(t, { policy: limited(1) })
    assert.equal(atOnce(check()).refusal, undefined)
    const refused = atOnce(check())
    assert.deepEqual([refused.refusal, refused.retryAt], ['rate_limited', authority.clock.now() + 1_000])
    authority.clock.passMs(999)
    assert.equal(atOnce(check()).refusal, 'rate_limited')
    authority.clock.passMs(1)
    assert.equal(atOnce(check()).refusal, undefined)
  })

  test('bind a key on the way into this server too, and being looked at is no use', async (t) => {
    const { authority, token } = await openWithKey(t, { policy: { credits: { initial: 2 } } })
    const { tokens } = authority
    assert.equal((await tokens.inspect(token, TEST_ORIGIN)).valid, true)
    assert.equal((await tokens.verify(token, TEST_ORIGIN)).valid, true)
    assert.equal((await tokens.verify(token, TEST_ORIGIN)).valid, true)
    const refused = await tokens.verify(token, TEST_ORIGIN)
    assert.deepEqual(refused, { valid: false, reason: 'usage_exceeded' })
    assert.equal((await tokens.inspect(token, TEST_ORIGIN)).valid, true)
  })
})

describe('a key that idles', () => {
  test('expires after its last accepted use, and no refused use revives it', async (t) => {
    const { authority, check } = await openWithKey(t, { policy: { idleTimeoutMs: 60_000 } })
    for (let n = 0; n < 5; n++) {
      authority.clock.passMs(59_999)
      assert.equal(atOnce(check()).refusal, undefined)
      await authority.housekeeping.runOnce()
    }
    authority.clock.passMs(60_000)
    assert.equal(atOnce(check()).refusal, 'expired')
    await authority.housekeeping.finish()
    assert.equal(atOnce(check()).refusal, 'expired')
    assert.equal((await authority.lifeCycle.get(await adminOf(authority), k1)).state, 'expired')
  })

  test('is not kept alive by somebody who may not use it', async (t) => {
    const { authority, check } = await openWithKey(t, {
      policy: { idleTimeoutMs: 1_000, addresses: ['192.0.2.0/24'] },
    })
    authority.clock.passMs(999)
    assert.equal(atOnce(check({ address: '198.51.100.1' })).refusal, 'forbidden')
    authority.clock.passMs(1)
    assert.equal(atOnce(check({ address: '192.0.2.1' })).refusal, 'expired')
  })
})

async function adminOf(authority: TestAuthority): Promise<Caller> {
  return { user: await authority.users.get('root' as UserId), origin: TEST_ORIGIN }
}

describe('an explanation', () => {
  test('says what a check would answer, without counting, spending or leaving a trace', async (t) => {
    const { authority, token, check } = await openWithKey(t, { policy: limited(1, 1) })
    for (let n = 0; n < 3; n++) {
      const { verdict, steps } = await authority.verification.explain(token, {})
      assert.deepEqual([verdict.refusal, verdict.credits], [undefined, 0])
      assert.ok(steps.every(({ outcome }) => outcome !== 'refused'))
    }
    assert.equal((await check()).refusal, undefined)
    const after = await authority.verification.explain(token, {})
    assert.equal(after.verdict.refusal, 'rate_limited')
    authority.clock.passMs(1_000)
    const later = await authority.verification.explain(token, {})
    assert.equal(later.verdict.refusal, 'usage_exceeded')
    assert.deepEqual(
      later.steps.filter(({ outcome }) => outcome === 'refused').map(({ check: name }) => name),
      ['credits'],
    )
    await authority.housekeeping.finish()
    assert.deepEqual(
      authority.audited.filter(({ action }) => action === 'token.refused'),
      [],
    )
    assert.deepEqual(
      (await authority.lifeCycle.usage(await adminOf(authority), k1, 10)).map(({ accepted, refused }) => [
        accepted,
        refused,
      ]),
      [[1, 0]],
    )
  })

  test('and a check never disagree, whatever the key and the use', async (t) => {
    const { authority, root, token } = await openWithKey(t, {
      policy: { scopes: ['a:b'], addresses: ['192.0.2.0/24'], ...limited(3, 4) },
    })
    const checks: readonly KeyCheck[] = [
      {},
      { address: '192.0.2.9' },
      { address: '192.0.2.9', cost: 3 },
      { address: '192.0.2.9', cost: 4 },
      { address: '192.0.2.9', cost: 5 },
      { address: '192.0.2.9', cost: 0 },
      { address: '192.0.2.9', limits: [] },
      { address: '192.0.2.9', permissions: { kind: 'permission', controller: 'a', action: 'b' } },
    ]
    const agree = async (text: string) => {
      for (const asked of checks) {
        const { verdict, steps } = await authority.verification.explain(text, asked)
        const answered = await authority.verification.check(text, asked)
        assert.equal(verdict.refusal, answered.refusal)
        assert.equal(verdict.credits, answered.credits)
        const isRefused = steps.some(({ outcome }) => outcome === 'refused')
        assert.equal(isRefused, answered.refusal !== undefined)
      }
    }
    await agree(token)
    await authority.lifeCycle.disable(root, k1, 'why')
    await agree(token)
    await authority.lifeCycle.revoke(root, k1, { reason: 'keyCompromise' })
    await agree(token)
    await agree('kapikey-a.b.c')
    await agree('garbage')
  })
})
