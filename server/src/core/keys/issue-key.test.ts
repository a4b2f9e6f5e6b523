import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Caller } from '../access/caller.ts'
import { openTestAuthority, TEST_ORIGIN, type TestAuthority } from '../contract/test-authority.ts'
import { DomainError } from '../errors.ts'
import { ANONYMOUS_ID, ID_BYTES_MAX, type KeyId, type ProfileId, type UserId } from '../ids.ts'
import type { KeyRequest } from '../key-authority.ts'
import { fingerprintOf } from './fingerprint.ts'

const bob = 'bob' as UserId
const request = (changed: Partial<KeyRequest> = {}): KeyRequest => ({
  owner: bob,
  description: 'd',
  ...changed,
})

/** The caller that shows a fresh key of `owner`. */
async function callerWithKey(authority: TestAuthority, caller: Caller, ttlMs?: number): Promise<Caller> {
  const { issued } = await authority.keys.issueFor(caller, {
    ...request({ owner: caller.user.id }),
    ...(ttlMs !== undefined && { ttlMs }),
  })
  return { ...caller, token: { kind: 'key', key: issued } }
}

describe('an issued key', () => {
  test('holds what was asked for and the fingerprint of its token, but not the token', async (t) => {
    const authority = await openTestAuthority(t)
    const admin = await authority.userWith('root', 'admin')
    await authority.userWith('bob')
    const { token, issued } = await authority.keys.issueFor(
      admin,
      request({ id: 'k1' as KeyId, ttlMs: 42, description: '' }),
    )
    const now = authority.clock.now()
    assert.deepEqual(issued, {
      id: 'k1',
      owner: 'bob',
      description: '',
      fingerprint: fingerprintOf(token.reveal()),
      ttlMs: 42,
      expiresAt: now + 42,
      record: { createdBy: 'root', createdAt: now },
    })
    assert.match(token.reveal(), /^kapikey-[\w-]+\.[\w-]+\.[\w-]+$/)
    assert.doesNotMatch(JSON.stringify({ token, issued }), /kapikey/)
    assert.deepEqual(await authority.storage.keys.findById('k1' as KeyId), issued)
  })

  test('never expires when no life was asked for, and gets a UUID as id', async (t) => {
    const authority = await openTestAuthority(t)
    const { issued } = await authority.keys.issueForSelf(await authority.userWith('bob'), {
      description: 'd',
    })
    assert.equal(issued.expiresAt, undefined)
    assert.equal(issued.ttlMs, undefined)
    assert.match(issued.id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  })

  test('differs from every other, also from one of the same owner in the same millisecond', async (t) => {
    const authority = await openTestAuthority(t)
    const caller = await authority.userWith('bob')
    const issued = await Promise.all(
      Array.from({ length: 20 }, () =>
        authority.keys.issueForSelf(caller, { description: 'd', ttlMs: 1_000 }),
      ),
    )
    assert.equal(new Set(issued.map(({ token }) => token.reveal())).size, 20)
    // Deleting one of them must leave the others, and only them, good.
    const [first, second] = issued
    assert.ok(first && second)
    await authority.keys.revoke(caller, bob, first.issued.id)
    const isGood = async (token: string) => (await authority.tokens.verify(token, TEST_ORIGIN)).valid
    assert.equal(await isGood(first.token.reveal()), false)
    assert.equal(await isGood(second.token.reveal()), true)
  })

  test('works whatever number of keys its owner has', async (t) => {
    const authority = await openTestAuthority(t)
    const caller = await authority.userWith('bob')
    for (let n = 0; n < 30; n++) {
      const { token } = await authority.keys.issueForSelf(caller, { description: `${n}` })
      assert.equal((await authority.tokens.verify(token.reveal(), TEST_ORIGIN)).valid, true, `key ${n}`)
    }
  })

  test('may belong to the anonymous user, under either of its names', async (t) => {
    const authority = await openTestAuthority(t)
    for (const owner of ['-1', 'anonymous']) {
      const { issued } = await authority.keys.issueFor(authority.nobody, request({ owner: owner as UserId }))
      assert.equal(issued.owner, ANONYMOUS_ID)
    }
    assert.equal(
      (await authority.keys.issueForSelf(authority.nobody, { description: '' })).issued.owner,
      '-1',
    )
  })
})

describe('issuing a key is refused', () => {
  test('when the id is taken, whoever holds it, and the refusal is audited', async (t) => {
    const authority = await openTestAuthority(t)
    const caller = await authority.userWith('bob')
    const other = await authority.userWith('eve')
    const id = 'k1' as KeyId
    await authority.keys.issueForSelf(caller, { description: 'd', id })
    await assert.rejects(authority.keys.issueForSelf(other, { description: 'd', id }), {
      code: 'key.id_taken',
    })
    await authority.housekeeping.runOnce()
    const event = authority.audited.findLast(({ action }) => action === 'key.create')
    assert.equal(event?.outcome, 'refused')
    assert.equal(event?.reason, 'key.id_taken')
    assert.equal(event?.actor, 'eve')
    assert.equal(event?.details?.['id'], 'k1')
  })

  test('when the id cannot be used', async (t) => {
    const authority = await openTestAuthority(t)
    const caller = await authority.userWith('bob')
    const wrong = [
      ['', 'empty'],
      ['_search', 'reserved'],
      ['x'.repeat(ID_BYTES_MAX + 1), 'too_long'],
      ['é'.repeat(ID_BYTES_MAX / 2 + 1), 'too_long'],
      ['a\u0000', 'unprintable'],
      ['\udc00', 'unprintable'],
    ] as const
    for (const [id, problem] of wrong) {
      await assert.rejects(
        authority.keys.issueForSelf(caller, { description: 'd', id: id as KeyId }),
        (error) => {
          assert.ok(error instanceof Error && 'code' in error && 'facts' in error)
          assert.equal(error.code, 'id.invalid')
          assert.equal((error.facts as { problem?: unknown }).problem, problem)
          return true
        },
      )
    }
    await authority.keys.issueForSelf(caller, { description: 'd', id: 'é'.repeat(ID_BYTES_MAX / 2) as KeyId })
  })

  test('when its id is a token, of which nothing is repeated anywhere', async (t) => {
    const authority = await openTestAuthority(t)
    const caller = await authority.userWith('bob')
    const key = (await authority.keys.issueForSelf(caller, { description: 'd' })).token.reveal()
    const native = (await authority.keys.issueFor(caller, request({ native: {} }))).token.reveal()
    for (const secret of [key, native]) {
      await assert.rejects(
        authority.keys.issueForSelf(caller, { description: 'd', id: secret as KeyId }),
        (error) => {
          assert.ok(error instanceof DomainError && error.code === 'id.invalid')
          assert.ok(!JSON.stringify([error.message, error.facts]).includes(secret.slice(8, 24)))
          return true
        },
      )
      await authority.housekeeping.runOnce()
      assert.ok(!JSON.stringify(authority.audited).includes(secret.slice(8, 24)))
    }
    assert.ok(authority.audited.some(({ outcome }) => outcome === 'refused'))
  })

  test('when its life would be over at birth or is no whole number', async (t) => {
    const authority = await openTestAuthority(t)
    const caller = await authority.userWith('bob')
    for (const ttlMs of [0, -1, -5, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]) {
      await assert.rejects(authority.keys.issueForSelf(caller, { description: 'd', ttlMs }), {
        code: 'key.ttl_invalid',
      })
    }
  })

  test('but not when its life is absurdly long', async (t) => {
    const authority = await openTestAuthority(t)
    const caller = await authority.userWith('bob')
    const ttlMs = Number.MAX_SAFE_INTEGER
    const { token, issued } = await authority.keys.issueForSelf(caller, { description: 'd', ttlMs })
    assert.equal(issued.ttlMs, ttlMs)
    assert.equal((await authority.tokens.verify(token.reveal(), caller.origin)).valid, true)
  })

  test('when the owner does not exist', async (t) => {
    const authority = await openTestAuthority(t)
    await assert.rejects(authority.keys.issueFor(authority.nobody, request()), { code: 'user.not_found' })
  })

  test('beyond the maximal life for oneself, but not for others', async (t) => {
    const authority = await openTestAuthority(t, { apiKeyMaxTtlMs: 1_000 })
    const caller = await authority.userWith('bob')
    const forSelf = (ttlMs?: number) =>
      authority.keys.issueForSelf(caller, { description: 'd', ...(ttlMs !== undefined && { ttlMs }) })
    await forSelf(1_000)
    await assert.rejects(forSelf(1_001), { code: 'key.ttl_exceeded' })
    await assert.rejects(forSelf(), { code: 'key.ttl_exceeded' })
    await authority.keys.issueFor(caller, request())
    await authority.keys.issueFor(caller, request({ ttlMs: 9_999 }))
  })

  test('for oneself altogether when the maximal life is 0', async (t) => {
    const authority = await openTestAuthority(t, { apiKeyMaxTtlMs: 0 })
    const caller = await authority.userWith('bob')
    await assert.rejects(authority.keys.issueForSelf(caller, { description: 'd', ttlMs: 1 }), {
      code: 'key.ttl_exceeded',
    })
    await assert.rejects(authority.keys.issueForSelf(caller, { description: 'd' }), {
      code: 'key.ttl_exceeded',
    })
  })

  test('to exactly those that come after the last allowed key, however many ask at the same time', async (t) => {
    const authority = await openTestAuthority(t, { apiKeyPerUserMax: 5 })
    const caller = await authority.userWith('bob')
    const results = await Promise.allSettled(
      Array.from({ length: 12 }, () => authority.keys.issueForSelf(caller, { description: 'd' })),
    )
    const refused = results.filter((result) => result.status === 'rejected')
    assert.equal(refused.length, 7)
    for (const { reason } of refused) assert.equal(reason.code, 'key.owner_full')
    assert.equal(await authority.storage.keys.countByOwner(bob), 5)
  })
})

describe('a caller that shows a key', () => {
  test('may issue anything where keys may issue keys', async (t) => {
    const authority = await openTestAuthority(t)
    const caller = await callerWithKey(authority, await authority.userWith('bob'), 1_000)
    await authority.userWith('eve')
    await authority.keys.issueForSelf(caller, { description: 'd' })
    await authority.keys.issueFor(caller, request({ owner: 'eve' as UserId }))
    await authority.sessions.createToken(caller, { singleUse: false })
  })

  test('may elsewhere issue only keys of the same owner that do not outlive the one it shows', async (t) => {
    const authority = await openTestAuthority(t, { apiKeyMayIssueKeys: false })
    const user = await authority.userWith('bob')
    await authority.userWith('eve')
    const caller = await callerWithKey(authority, user, 1_000)
    const { keys } = authority
    await keys.issueForSelf(caller, { description: 'd', ttlMs: 1_000 })
    await assert.rejects(keys.issueForSelf(caller, { description: 'd', ttlMs: 1_001 }), {
      code: 'key.outlives_issuer',
    })
    await assert.rejects(keys.issueForSelf(caller, { description: 'd' }), { code: 'key.outlives_issuer' })
    for (const owner of ['eve', '-1', 'anonymous']) {
      await assert.rejects(keys.issueFor(caller, request({ owner: owner as UserId, ttlMs: 1 })), {
        code: 'key.issuing_forbidden',
      })
    }
    await keys.issueForSelf(user, { description: 'without a key' })
    await keys.issueForSelf(await callerWithKey(authority, user), { description: 'with a permanent one' })
  })

  test('gets no session there, which could issue keys without those bounds', async (t) => {
    const authority = await openTestAuthority(t, { apiKeyMayIssueKeys: false })
    const caller = await callerWithKey(authority, await authority.userWith('bob'), 5_000)
    await assert.rejects(authority.sessions.createToken(caller, { singleUse: false }), {
      code: 'key.outlives_issuer',
    })
    await assert.rejects(authority.sessions.createToken(caller, { singleUse: true, ttlMs: 1 }), {
      code: 'key.issuing_forbidden',
    })
  })

  test('sets no password there, with which it could log in and be bound by nothing', async (t) => {
    const settings = [{ apiKeyMayIssueKeys: false }, { apiKeyMayIssueKeys: true }]
    for (const { apiKeyMayIssueKeys } of settings) {
      const authority = await openTestAuthority(t, { apiKeyMayIssueKeys })
      const bob = await authority.userWith('bob')
      const eve = await authority.userWith('eve')
      const caller = await callerWithKey(authority, bob, 5_000)
      const { credentials, users } = authority
      const login = (username: string) => ({ username, password: 'a long password' })
      await credentials.create(bob, 'local', bob.user.id, login('bob'))
      const attempts: readonly (() => Promise<unknown>)[] = [
        () => credentials.update(caller, 'local', bob.user.id, { password: 'a stolen password' }),
        () => credentials.create(caller, 'local', eve.user.id, login('eve')),
        () =>
          users.create(caller, {
            id: 'new' as UserId,
            idKind: 'human',
            content: {},
            profileIds: ['default' as ProfileId],
            credentials: { local: login('new') },
          }),
      ]
      for (const attempt of attempts) {
        if (apiKeyMayIssueKeys) await attempt()
        else await assert.rejects(attempt(), { code: 'key.issuing_forbidden' })
      }
    }
  })
})
