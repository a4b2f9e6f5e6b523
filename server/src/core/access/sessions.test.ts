import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { openTestAuthority, TEST_ORIGIN, type TestAuthority } from '../contract/test-authority.ts'
import { DomainError } from '../errors.ts'
import type { UserId } from '../ids.ts'
import type { Issued } from '../key-authority.ts'
import type { Caller } from './caller.ts'
import type { Session } from './session.ts'

const bob = 'bob' as UserId

async function withSession(
  authority: TestAuthority,
  user: Caller,
  ttlMs = 60_000,
): Promise<{ readonly session: Issued<Session>; readonly caller: Caller }> {
  const session = await authority.sessions.createToken(user, { singleUse: false, ttlMs })
  return { session, caller: { ...user, token: { kind: 'session', session: session.issued } } }
}

const isGood = async (authority: TestAuthority, { token }: Issued<unknown>) =>
  (await authority.tokens.verify(token.reveal(), TEST_ORIGIN)).valid

describe('a token that the caller makes for itself', () => {
  test('lives as long as a session by default and never forever', async (t) => {
    const authority = await openTestAuthority(t)
    const caller = await authority.userWith('bob')
    const { issued } = await authority.sessions.createToken(caller, { singleUse: true })
    assert.deepEqual([issued.ttlMs, issued.singleUse, issued.owner], [3_600_000, true, 'bob'])
    await assert.rejects(authority.sessions.createToken(caller, { singleUse: false, ttlMs: -1 }), {
      code: 'session.ttl_infinite',
    })
  })

  test('that should live forever is refused for that, also where lives are limited', async (t) => {
    const authority = await openTestAuthority(t, { sessionMaxTtlMs: 1_000 })
    const caller = await authority.userWith('bob')
    await assert.rejects(authority.sessions.createToken(caller, { singleUse: false, ttlMs: -1 }), {
      code: 'session.ttl_infinite',
    })
  })
})

describe('a token made while the session that asks for it is revoked', () => {
  test('is refused, or ends with that session, whichever comes first', async (t) => {
    const authority = await openTestAuthority(t)
    const { user } = await authority.userWith('bob')
    for (let delay = 0; delay < 12; delay++) {
      const { caller } = await withSession(authority, { user, origin: TEST_ORIGIN })
      const making = authority.sessions.createToken(caller, { singleUse: false }).catch((error: unknown) => {
        assert.equal(error instanceof DomainError && error.code, 'token.invalid')
      })
      for (let turn = 0; turn < delay; turn++) await Promise.resolve()
      await authority.sessions.revokeAll(authority.nobody, bob)
      const made = await making
      if (made !== undefined) assert.equal(await isGood(authority, made), false, `after ${delay} turns`)
    }
  })
})

describe('refreshing a session', () => {
  test('gives a new one, and leaves the old one good for the grace period only', async (t) => {
    const authority = await openTestAuthority(t)
    const { session, caller } = await withSession(authority, await authority.userWith('bob'))
    const next = await authority.sessions.refresh(caller, {})
    assert.equal(next.issued.ttlMs, 3_600_000)
    authority.clock.passMs(999)
    assert.equal(await isGood(authority, session), true)
    authority.clock.passMs(1)
    assert.equal(await isGood(authority, session), false)
    assert.equal(await isGood(authority, next), true)
    assert.deepEqual(authority.ended, [])
  })

  test('never makes the old one live longer', async (t) => {
    const authority = await openTestAuthority(t)
    const { session, caller } = await withSession(authority, await authority.userWith('bob'), 10)
    await authority.sessions.refresh(caller, {})
    authority.clock.passMs(10)
    assert.equal(await isGood(authority, session), false)
  })

  test('succeeds exactly once, however many ask at the same time', async (t) => {
    const authority = await openTestAuthority(t)
    const { caller } = await withSession(authority, await authority.userWith('bob'))
    const results = await Promise.allSettled(
      Array.from({ length: 5 }, () => authority.sessions.refresh(caller, {})),
    )
    const refused = results.filter((result) => result.status === 'rejected')
    assert.equal(refused.length, 4)
    for (const { reason } of refused) assert.equal(reason.code, 'token.invalid')
  })

  test('is refused for keys, for sessions that never expire, and without a session', async (t) => {
    const authority = await openTestAuthority(t)
    const user = await authority.userWith('bob')
    const { issued: key } = await authority.keys.issueForSelf(user, { description: 'd' })
    const { session } = await withSession(authority, user)
    const { expiresAt: _, ttlMs: __, ...infinite } = session.issued
    const { refresh } = authority.sessions
    await assert.rejects(refresh({ ...user, token: { kind: 'key', key } }, {}), {
      code: 'session.refresh_forbidden',
      facts: { kind: 'key' },
    })
    await assert.rejects(refresh({ ...user, token: { kind: 'session', session: infinite } }, {}), {
      code: 'session.refresh_forbidden',
      facts: { kind: 'infinite' },
    })
    await assert.rejects(refresh(user, {}), { code: 'token.invalid' })
  })
})

describe('logging out', () => {
  test('ends the session that was shown and no other', async (t) => {
    const authority = await openTestAuthority(t)
    const user = await authority.userWith('bob')
    const { session, caller } = await withSession(authority, user)
    const { session: other } = await withSession(authority, user)
    await authority.sessions.logout(caller, false)
    assert.equal(await isGood(authority, session), false)
    assert.equal(await isGood(authority, other), true)
    assert.deepEqual(authority.ended, [session.issued.fingerprint])
    await authority.sessions.logout(caller, false)
    assert.equal(authority.ended.length, 1)
    // What did not happen again is told to nobody either.
    assert.equal(authority.audited.filter(({ action }) => action === 'session.logout').length, 1)
  })

  test('everywhere ends all sessions of the user, and no key', async (t) => {
    const authority = await openTestAuthority(t)
    const user = await authority.userWith('bob')
    const key = await authority.keys.issueForSelf(user, { description: 'd' })
    const { session: hers } = await withSession(authority, await authority.userWith('eve'))
    const { session: first } = await withSession(authority, user)
    const { session: second } = await withSession(authority, user)
    await authority.sessions.logout({ ...user, token: { kind: 'key', key: key.issued } }, true)
    assert.equal(await isGood(authority, first), false)
    assert.equal(await isGood(authority, second), false)
    assert.equal(await isGood(authority, key), true)
    assert.equal(await isGood(authority, hers), true)
    assert.equal(authority.ended.length, 2)
  })

  test('with a key leaves the key good; without a token does nothing', async (t) => {
    const authority = await openTestAuthority(t)
    const user = await authority.userWith('bob')
    const key = await authority.keys.issueForSelf(user, { description: 'd' })
    await authority.sessions.logout({ ...user, token: { kind: 'key', key: key.issued } }, false)
    assert.equal(await isGood(authority, key), true)
    const { session } = await withSession(authority, authority.nobody)
    await authority.sessions.logout(authority.nobody, true)
    assert.equal(await isGood(authority, session), true)
  })
})

describe('revoking the tokens of a user', () => {
  test('ends its sessions and leaves its keys', async (t) => {
    const authority = await openTestAuthority(t)
    const user = await authority.userWith('bob')
    const key = await authority.keys.issueForSelf(user, { description: 'd' })
    const { session } = await withSession(authority, user)
    await authority.sessions.revokeAll(authority.nobody, bob)
    assert.equal(await isGood(authority, session), false)
    assert.equal(await isGood(authority, key), true)
    await assert.rejects(authority.sessions.revokeAll(authority.nobody, 'none' as UserId), {
      code: 'user.not_found',
    })
  })
})

test('housekeeping forgets expired sessions and keeps the others, also when runs overlap', async (t) => {
  const authority = await openTestAuthority(t)
  const user = await authority.userWith('bob')
  const expired = await Promise.all(Array.from({ length: 5 }, () => withSession(authority, user, 10)))
  const { session: good } = await withSession(authority, user)
  authority.clock.passMs(11)
  await Promise.all([authority.housekeeping.runOnce(), authority.housekeeping.runOnce()])
  const { sessions } = authority.storage
  for (const { session } of expired) {
    assert.equal(await sessions.findByFingerprint(session.issued.fingerprint), undefined)
  }
  assert.equal(await isGood(authority, good), true)
})
