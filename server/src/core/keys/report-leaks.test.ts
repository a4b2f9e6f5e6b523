import assert from 'node:assert/strict'
import { suite, type TestContext, test } from 'node:test'
import { openManagedKeys } from '../contract/managed-keys.ts'
import type { CoreSettings, LeakAction } from '../core-settings.ts'
import type { KeyId } from '../ids.ts'
import { fingerprintOf } from './fingerprint.ts'
import { RANGE_DIGITS } from './fingerprint-range.ts'

const GITHUB = { reporter: 'github', url: 'https://github.example/x/blob/1/.env' }

function open(t: TestContext, action: LeakAction, settings: Partial<CoreSettings> = {}) {
  return openManagedKeys(t, {}, { leakActions: { '*': action }, ...settings })
}

suite('a leaked key', () => {
  for (const [action, done, answer] of [
    ['revoke', 'revoked', 'revoked'],
    ['disable', 'disabled', 'disabled'],
    ['notify', 'noted', 'valid'],
  ] as const) {
    test(`is ${done} where that is what is to be done, and leaves an event that says where it was`, async (t) => {
      const { authority, root, token, answerTo, eventsOf } = await open(t, action)
      const [finding] = await authority.lifeCycle.reportLeaks(root, [{ token, ...GITHUB }])
      assert.deepEqual(finding, {
        fingerprint: fingerprintOf(token),
        known: true,
        key: { id: 'k1', owner: 'bob' },
        done,
      })
      assert.equal(await answerTo(token), answer)
      const [event] = eventsOf('key.leak')
      assert.equal(event?.subject, 'key:k1')
      assert.deepEqual(
        [event?.details?.['reporter'], event?.details?.['url'], event?.details?.['action']],
        [GITHUB.reporter, GITHUB.url, action],
      )
      assert.doesNotMatch(JSON.stringify(authority.audited), new RegExp(token))
    })
  }

  test('is revoked for "keyCompromise", with a comment that says who found it', async (t) => {
    const { authority, root, token } = await open(t, 'revoke')
    await authority.lifeCycle.reportLeaks(root, [{ token, ...GITHUB }])
    const { revocation } = await authority.lifeCycle.get(root, 'k1' as KeyId)
    assert.equal(revocation?.reason, 'keyCompromise')
    assert.match(revocation?.comment ?? '', /github.*blob/)
  })

  test('is found by its hash alone, as lists of leaks have it', async (t) => {
    const { authority, root, token, answerTo } = await open(t, 'revoke')
    const report = { fingerprint: fingerprintOf(token), reporter: 'feed' }
    const [finding] = await authority.lifeCycle.reportLeaks(root, [report])
    assert.equal(finding?.done, 'revoked')
    assert.equal(await answerTo(token), 'revoked')
  })

  test('is ended also when it is disabled, or an earlier secret of it was found', async (t) => {
    const { authority, root, bob, token, answerTo } = await open(t, 'revoke')
    const rotated = await authority.lifeCycle.rotate(bob, 'k1' as KeyId, { graceMs: 60_000 })
    await authority.lifeCycle.disable(root, 'k1' as KeyId, undefined)
    const [finding] = await authority.lifeCycle.reportLeaks(root, [{ token, ...GITHUB }])
    assert.equal(finding?.done, 'revoked')
    assert.equal(await answerTo(rotated.token.reveal()), 'revoked')
  })

  test('is known but left alone once it is revoked, and reported twice is ended once', async (t) => {
    const { authority, root, token, eventsOf } = await open(t, 'revoke')
    const reports = [
      { token, ...GITHUB },
      { token, ...GITHUB },
    ]
    const both = await authority.lifeCycle.reportLeaks(root, reports)
    assert.deepEqual([...new Set(both.map(({ done }) => done))], ['revoked'])
    assert.equal(eventsOf('key.delete').length, 1)
    const [again] = await authority.lifeCycle.reportLeaks(root, reports)
    assert.deepEqual([again?.known, again?.done], [true, 'none'])
  })

  test('is dealt with as its keyspace wants; sessions are ended', async (t) => {
    const keyspaces = {
      default: { prefix: 'lk', environment: 'live' },
      demo: { prefix: 'demo', environment: 'test' },
    }
    const leakActions = { '*': 'revoke', demo: 'notify' } as const
    const { authority, root, bob, token } = await open(t, 'revoke', { keyspaces, leakActions })
    const issue = async (native?: object) =>
      (
        await authority.keys.issueFor(root, {
          owner: bob.user.id,
          description: 'd',
          ...(native && { native }),
        })
      ).token.reveal()
    const session = (await authority.sessions.createToken(bob, { singleUse: false })).token.reveal()
    const tokens = [token, await issue({ keyspace: 'demo' }), await issue(), session]
    const findings = await authority.lifeCycle.reportLeaks(
      root,
      tokens.map((each) => ({ token: each, ...GITHUB })),
    )
    assert.deepEqual(
      findings.map(({ done }) => done),
      ['revoked', 'noted', 'revoked', 'revoked'],
    )
    assert.equal((await authority.tokens.verify(session, root.origin)).valid, false)
  })

  test('is not any text', async (t) => {
    const { authority, root, token, eventsOf } = await open(t, 'revoke')
    const texts = [
      '',
      'x',
      'lk_live_nonsense',
      `${token.slice(0, -1)}${token.endsWith('a') ? 'b' : 'a'}`,
      '\ud800',
    ]
    const findings = await authority.lifeCycle.reportLeaks(
      root,
      texts.map((each) => ({ token: each, ...GITHUB })),
    )
    assert.ok(findings.every(({ known, done }) => !known && done === 'none'))
    assert.deepEqual(eventsOf('key.leak'), [])
  })
})

suite('the range of a fingerprint', () => {
  test('holds it, and others that are always the same, in a number that tells little', async (t) => {
    const { authority, root, token } = await open(t, 'revoke')
    const fingerprint = fingerprintOf(token)
    const digits = fingerprint.slice(0, RANGE_DIGITS)
    const suffixes = await authority.verification.fingerprintRange(digits)
    assert.ok(suffixes.includes(fingerprint.slice(RANGE_DIGITS)))
    assert.ok(suffixes.every((suffix) => /^[0-9a-f]{59}$/.test(suffix)))
    assert.deepEqual(await authority.verification.fingerprintRange(digits), suffixes)
    assert.equal(suffixes.length % 64, 0)
    assert.deepEqual([...suffixes].sort(), suffixes, 'nothing is told by its place')
    await authority.lifeCycle.revoke(root, 'k1' as KeyId, { reason: 'unspecified' })
    const later = await authority.verification.fingerprintRange(digits)
    assert.ok(!later.includes(fingerprint.slice(RANGE_DIGITS)))
    assert.equal(later.length, suffixes.length)
  })
})
