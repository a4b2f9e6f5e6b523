import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { describe, test } from 'node:test'
import { openTestAuthority, TEST_ORIGIN, type TestAuthority } from '../contract/test-authority.ts'
import type { KeyId, UserId } from '../ids.ts'

const bob = 'bob' as UserId
const reasonOf = async (authority: TestAuthority, token: string) => {
  const verdict = await authority.tokens.verify(token, TEST_ORIGIN)
  return verdict.valid ? 'good' : verdict.reason
}
const refusals = (authority: TestAuthority) =>
  authority.audited.filter(({ action }) => action === 'token.refused')

describe('a verification', () => {
  test('answers the key of a good token, from the moment the issuing returned', async (t) => {
    const authority = await openTestAuthority(t)
    const { token, issued } = await authority.keys.issueForSelf(await authority.userWith('bob'), {
      description: 'd',
    })
    assert.deepEqual(await authority.tokens.verify(token.reveal(), TEST_ORIGIN), {
      valid: true,
      token: { kind: 'key', key: issued },
    })
  })

  test('refuses a key from the first verification after the revocation returned, and announces its end', async (t) => {
    const authority = await openTestAuthority(t)
    const caller = await authority.userWith('bob')
    const { token, issued } = await authority.keys.issueForSelf(caller, { description: 'd' })
    await authority.keys.revoke(caller, bob, issued.id)
    assert.equal(await reasonOf(authority, token.reveal()), 'revoked')
    assert.deepEqual(authority.ended, [issued.fingerprint])
  })

  test('refuses a key from the very millisecond of its expiry, and not before', async (t) => {
    const authority = await openTestAuthority(t)
    const caller = await authority.userWith('bob')
    const { token } = await authority.keys.issueForSelf(caller, { description: 'd', ttlMs: 500 })
    authority.clock.passMs(499)
    assert.equal(await reasonOf(authority, token.reveal()), 'good')
    authority.clock.passMs(1)
    assert.equal(await reasonOf(authority, token.reveal()), 'expired')
  })

  test('tells malformed, unknown and expired apart, in the verdict and in the audit trail', async (t) => {
    const authority = await openTestAuthority(t)
    const caller = await authority.userWith('bob')
    const id = 'k1' as KeyId
    const { token } = await authority.keys.issueForSelf(caller, { description: 'd', ttlMs: 1, id })
    authority.clock.passMs(1)
    assert.equal(await reasonOf(authority, 'garbage'), 'malformed')
    assert.equal(await reasonOf(authority, `${token.reveal()}x`), 'unknown')
    assert.equal(await reasonOf(authority, token.reveal()), 'expired')
    await authority.housekeeping.runOnce()
    const events = refusals(authority)
    assert.deepEqual(
      events.map(({ reason, outcome }) => [reason, outcome]),
      [
        ['malformed', 'refused'],
        ['unknown', 'refused'],
        ['expired', 'refused'],
      ],
    )
    const expired = events.at(-1)
    assert.deepEqual([expired?.subject, expired?.actor, expired?.actorKey], ['key:k1', 'bob', 'k1'])
    assert.deepEqual(expired?.origin, TEST_ORIGIN)
    assert.doesNotMatch(JSON.stringify(events), /kapikey-|garbage/)
  })

  test('writes refusals of one IPv6 network together, because whoever has one of its addresses has all', async (t) => {
    const authority = await openTestAuthority(t)
    await authority.tokens.verify('first', TEST_ORIGIN)
    for (let n = 0; n < 100; n++) {
      await authority.tokens.verify(`bad${n}`, { ...TEST_ORIGIN, address: `2001:db8::${n.toString(16)}` })
    }
    await authority.housekeeping.runOnce()
    const events = refusals(authority)
    assert.deepEqual(
      events.map(({ details }) => details?.['count']),
      [undefined, 100],
    )
  })

  test('accepts no token because of its signature: one forged with the true secret is unknown', async (t) => {
    const tokenSecret = 'leaked'
    const authority = await openTestAuthority(t, { tokenSecret })
    const { token } = await authority.keys.issueForSelf(await authority.userWith('bob'), { description: 'd' })
    const [header = '', payload = ''] = token.reveal().slice('kapikey-'.length).split('.')
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString())
    const forged = Buffer.from(JSON.stringify({ ...claims, jti: 'f'.repeat(40) })).toString('base64url')
    const sign = (text: string) => createHmac('sha256', tokenSecret).update(text).digest('base64url')
    assert.equal(token.reveal(), `kapikey-${header}.${payload}.${sign(`${header}.${payload}`)}`)
    assert.equal(
      await reasonOf(authority, `kapikey-${header}.${forged}.${sign(`${header}.${forged}`)}`),
      'unknown',
    )
  })

  test('accepts no token under the prefix of the other family, nor without one', async (t) => {
    const authority = await openTestAuthority(t)
    const caller = await authority.userWith('bob')
    const key = (await authority.keys.issueForSelf(caller, { description: 'd' })).token.reveal()
    const session = (await authority.sessions.createToken(caller, { singleUse: false })).token.reveal()
    assert.equal(await reasonOf(authority, session), 'good')
    assert.equal(await reasonOf(authority, session.replace('kauth-', 'kapikey-')), 'unknown')
    assert.equal(await reasonOf(authority, key.replace('kapikey-', 'kauth-')), 'unknown')
    assert.equal(await reasonOf(authority, key.replace('kapikey-', '')), 'malformed')
  })

  test('accepts a single-use token exactly once, however many use it at the same time', async (t) => {
    const authority = await openTestAuthority(t)
    const { token } = await authority.sessions.createToken(await authority.userWith('bob'), {
      singleUse: true,
    })
    const answers = await Promise.all(Array.from({ length: 10 }, () => reasonOf(authority, token.reveal())))
    assert.equal(answers.filter((answer) => answer === 'good').length, 1)
    assert.equal(answers.filter((answer) => answer === 'unknown').length, 9)
  })

  test('of a good key writes nothing', async (t) => {
    const authority = await openTestAuthority(t)
    const { token } = await authority.keys.issueForSelf(await authority.userWith('bob'), { description: 'd' })
    const before = authority.audited.length
    for (let n = 0; n < 5; n++) await authority.tokens.verify(token.reveal(), TEST_ORIGIN)
    await authority.housekeeping.runOnce()
    assert.equal(authority.audited.length, before)
  })
})

describe('identifying a caller', () => {
  test('gives the owner of the token, or the anonymous user', async (t) => {
    const authority = await openTestAuthority(t)
    const { token } = await authority.keys.issueForSelf(await authority.userWith('bob'), { description: 'd' })
    const verdict = await authority.tokens.verify(token.reveal(), TEST_ORIGIN)
    assert.ok(verdict.valid)
    const caller = await authority.tokens.identify(verdict.token, TEST_ORIGIN)
    assert.equal(caller.user.id, 'bob')
    assert.equal(caller.token, verdict.token)
    assert.equal((await authority.tokens.identify(undefined, TEST_ORIGIN)).user.id, '-1')
  })

  test('is refused when the owner is gone', async (t) => {
    const authority = await openTestAuthority(t)
    const caller = await authority.userWith('bob')
    const { issued } = await authority.keys.issueForSelf(caller, { description: 'd' })
    await authority.users.remove(authority.nobody, bob)
    await assert.rejects(authority.tokens.identify({ kind: 'key', key: issued }, TEST_ORIGIN), {
      code: 'user.not_found',
    })
  })
})
