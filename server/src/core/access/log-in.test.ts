import assert from 'node:assert/strict'
import { pbkdf2Sync } from 'node:crypto'
import { describe, test } from 'node:test'
import { printKuzzlePassword } from '../../system/kuzzle-password.ts'
import type { Origin } from '../audit/audit-event.ts'
import { openTestAuthority, TEST_ORIGIN, type TestAuthority } from '../contract/test-authority.ts'
import type { CoreSettings } from '../core-settings.ts'
import type { UserId } from '../ids.ts'
import { PASSWORD_BYTES_MAX } from './local-credentials.ts'

const bob = 'bob' as UserId
const PASSWORD = 'canary-password-1'

async function authorityWithBob(
  t: Parameters<typeof openTestAuthority>[0],
  settings: Partial<CoreSettings> = {},
): Promise<TestAuthority> {
  const authority = await openTestAuthority(t, settings)
  await authority.userWith('bob')
  await authority.credentials.create(authority.nobody, 'local', bob, { username: 'Bob', password: PASSWORD })
  return authority
}

const logIn = (
  authority: TestAuthority,
  changed: { username?: string; password?: string; ttlMs?: number } = {},
  origin: Origin = TEST_ORIGIN,
) => authority.sessions.login({ strategy: 'local', username: 'Bob', password: PASSWORD, ...changed }, origin)

describe('a login', () => {
  test('gives a session that is good at once, for the configured time', async (t) => {
    const authority = await authorityWithBob(t)
    const { token, issued } = await logIn(authority)
    assert.match(token.reveal(), /^kauth-/)
    assert.equal(issued.owner, 'bob')
    assert.equal(issued.ttlMs, 3_600_000)
    const verdict = await authority.tokens.verify(token.reveal(), TEST_ORIGIN)
    assert.deepEqual(verdict, { valid: true, token: { kind: 'session', session: issued } })
    authority.clock.passMs(3_600_000)
    assert.deepEqual(await authority.tokens.verify(token.reveal(), TEST_ORIGIN), {
      valid: false,
      reason: 'expired',
    })
  })

  test('may ask for another time, or for none', async (t) => {
    const authority = await authorityWithBob(t)
    assert.equal((await logIn(authority, { ttlMs: 5 })).issued.expiresAt, authority.clock.now() + 5)
    assert.equal((await logIn(authority, { ttlMs: -1 })).issued.expiresAt, undefined)
    await assert.rejects(logIn(authority, { ttlMs: 0 }), { code: 'session.ttl_invalid' })
    // Else the answer would tell a right password from a wrong one, and leave no trace of it.
    await assert.rejects(logIn(authority, { ttlMs: 0, password: 'wrong' }), { code: 'session.ttl_invalid' })
    const limited = await authorityWithBob(t, { sessionMaxTtlMs: 1_000 })
    await assert.rejects(logIn(limited, { ttlMs: -1 }), { code: 'session.ttl_exceeded' })
    assert.equal((await logIn(limited)).issued.ttlMs, 1_000)
  })

  test('is refused in the same words for a wrong password and an unknown user', async (t) => {
    const authority = await authorityWithBob(t)
    const attempts = [
      { password: 'wrong' },
      { username: 'nobody' },
      { username: 'bob' },
      { password: 'x'.repeat(PASSWORD_BYTES_MAX + 1) },
    ]
    for (const attempt of attempts) {
      await assert.rejects(logIn(authority, attempt), {
        code: 'login.failed',
        message: 'Cannot log in: wrong username or password',
        facts: { missing: false },
      })
    }
  })

  test('says so when username or password is missing, and when the strategy is unknown', async (t) => {
    const authority = await authorityWithBob(t)
    const { login } = authority.sessions
    for (const [username, password] of [
      ['Bob', undefined],
      [undefined, PASSWORD],
      ['', PASSWORD],
      ['Bob', ''],
    ]) {
      await assert.rejects(login({ strategy: 'local', username, password }, TEST_ORIGIN), {
        code: 'login.failed',
        facts: { missing: true },
      })
    }
    await assert.rejects(login({ strategy: 'oauth', username: 'Bob', password: PASSWORD }, TEST_ORIGIN), {
      code: 'credentials.unknown_strategy',
    })
  })

  test('leaves an event when it succeeds and when it fails, without any password or unknown name', async (t) => {
    const authority = await authorityWithBob(t)
    const { issued } = await logIn(authority)
    await logIn(authority, { password: 'canary-wrong' }).catch(() => undefined)
    await logIn(authority, { username: 'canary-typed-in-the-wrong-field' }).catch(() => undefined)
    const events = authority.audited.filter(({ action }) => action.startsWith('session.'))
    assert.deepEqual(
      events.map(({ action, outcome, actor, subject, reason }) => [action, outcome, actor, subject, reason]),
      [
        ['session.login', 'done', 'bob', `session:${issued.fingerprint}`, undefined],
        ['session.login_failed', 'refused', 'bob', 'user:bob', 'wrong_password'],
        ['session.login_failed', 'refused', '-1', 'login', 'unknown_account'],
      ],
    )
    const stored = await authority.storage.audit.list(0, 1_000)
    assert.doesNotMatch(JSON.stringify([authority.audited, stored]), /canary/)
  })

  test('replaces a hash that Kuzzle made, and the password stays good', async (t) => {
    const authority = await authorityWithBob(t)
    const { users } = authority.storage
    const salt = 'cd'.repeat(128)
    const passwordHash = printKuzzlePassword({
      salt,
      hash: pbkdf2Sync('old-world', salt, 10_000, 512, 'sha512'),
    })
    const event = authority.audited[0]
    assert.ok(event)
    await users.updateCredentials(bob, { passwordHash }, event)
    await assert.rejects(logIn(authority, { password: 'wrong' }), { code: 'login.failed' })
    assert.equal((await users.findCredentials(bob))?.passwordHash, passwordHash)
    await logIn(authority, { password: 'old-world' })
    assert.match((await users.findCredentials(bob))?.passwordHash ?? '', /^\$argon2id\$/)
    await logIn(authority, { password: 'old-world' })
  })

  test('is refused before hashing when attempts on an account come too fast, from wherever', async (t) => {
    const authority = await authorityWithBob(t, { loginsPerSecond: 1, loginBurst: 2 })
    const from = (n: number): Origin => ({ ...TEST_ORIGIN, address: `198.51.100.${n}`, carrier: 'mqtt' })
    for (let n = 0; n < 2; n++) {
      await assert.rejects(logIn(authority, { password: 'wrong' }, from(n)), { code: 'login.failed' })
    }
    await assert.rejects(logIn(authority, {}, from(3)), {
      code: 'login.too_many',
      facts: { retryAfterMs: 1_000 },
    })
    authority.clock.passMs(1_000)
    await logIn(authority, {}, from(4))
    await authority.housekeeping.runOnce()
    assert.ok(authority.audited.some(({ reason, outcome }) => reason === 'too_many' && outcome === 'refused'))
  })

  test('is refused when one address tries too many accounts', async (t) => {
    const authority = await authorityWithBob(t, { loginsPerSecondPerAddress: 2 })
    for (const username of ['a', 'b']) {
      await assert.rejects(logIn(authority, { username }), { code: 'login.failed' })
    }
    await assert.rejects(logIn(authority), { code: 'login.too_many' })
    await logIn(authority, {}, { ...TEST_ORIGIN, address: '198.51.100.1' })
  })

  test('is refused as overload, and nothing worse, when too many come at once', async (t) => {
    const authority = await authorityWithBob(t)
    const results = await Promise.allSettled(Array.from({ length: 80 }, () => logIn(authority)))
    const codes = new Set(
      results.map((result) => (result.status === 'rejected' ? result.reason.code : 'good')),
    )
    assert.deepEqual([...codes].sort(), ['good', 'server.overloaded'])
  })
})
