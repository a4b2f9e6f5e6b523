import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { AuditEvent } from '../audit/audit-event.ts'
import { aManager, GUEST, issueKnoxToken } from '../contract/knox-tokens.ts'
import { openManagedKeys } from '../contract/managed-keys.ts'
import { openTestAuthority, TEST_ORIGIN } from '../contract/test-authority.ts'
import type { KeyId, UserId } from '../ids.ts'
import type { TokenRequest } from '../key-authority.ts'
import type { Storage } from '../ports/storage.ts'
import { parseKnoxToken, printKnoxToken } from './knox-token.ts'

const ADMIN = 'admin' as UserId
const NO_ID = '00000000-0000-4000-8000-000000000000' as KeyId

async function keyEvents({ audit }: Storage): Promise<readonly AuditEvent[]> {
  return (await audit.list(0, 100)).filter(({ action }) => action.startsWith('key.'))
}

describe("issuing a token of Knox's form", () => {
  test('gives a text that holds its id and works at once, for somebody who is no user', async (t) => {
    const authority = await openTestAuthority(t)
    const now = authority.clock.now()
    const { token, issued } = await issueKnoxToken(authority, {
      createdBy: ADMIN,
      type: 'CLIENT_ID',
      expiresAt: now + 5_000,
      maxLifetimeAt: now + 9_000,
      thirdPartyApp: false,
      metadata: { team: 'a' },
    })
    assert.equal(parseKnoxToken(token.reveal())?.id, issued.id)
    assert.deepEqual(issued.knox, { type: 'CLIENT_ID', maxLifetimeAt: now + 9_000, thirdPartyApp: false })
    assert.deepEqual([issued.expiresAt, issued.ttlMs, issued.family], [now + 5_000, 5_000, 'knox'])
    assert.deepEqual(issued.record, { createdBy: ADMIN, createdAt: now })
    assert.deepEqual(await authority.managedTokens.get(issued.id), issued)
    const { refusal, found } = await authority.verification.check(token.reveal(), {})
    assert.deepEqual([refusal, found?.key], [undefined, issued])
    assert.equal(String(token), '[secret]')
  })

  test('leaves an event of the creation that tells owner, creator and origin', async (t) => {
    const authority = await openTestAuthority(t)
    const { issued } = await issueKnoxToken(authority, { createdBy: ADMIN })
    const event = (await keyEvents(authority.storage)).at(-1)
    assert.deepEqual([event?.action, event?.actor, event?.subject], ['key.create', ADMIN, `key:${issued.id}`])
    assert.deepEqual([event?.details?.['owner'], event?.origin], [GUEST, TEST_ORIGIN])
  })

  test('refuses what no token can be, and leaves an event of that', async (t) => {
    const authority = await openTestAuthority(t)
    const now = authority.clock.now()
    const wrong: [Partial<TokenRequest>, string][] = [
      [{ owner: '' as UserId }, 'id.invalid'],
      [{ createdBy: 'x'.repeat(513) as UserId }, 'id.invalid'],
      [{ expiresAt: now }, 'key.ttl_invalid'],
      [{ expiresAt: now + 0.5 }, 'key.ttl_invalid'],
      [{ expiresAt: Number.POSITIVE_INFINITY }, 'key.ttl_invalid'],
      [{ metadata: { a: 'x'.repeat(100_000) } }, 'metadata.invalid'],
      [{ policy: { scopes: ['no scope'] } }, 'policy.invalid'],
      [{ limit: { max: 0, exceeded: 'remove_oldest' } }, 'key.owner_full'],
    ]
    for (const [changed, code] of wrong) {
      await assert.rejects(issueKnoxToken(authority, changed), { code }, code)
    }
    await authority.housekeeping.finish()
    const events = await authority.storage.audit.list(0, 100)
    const reasons = events.filter((event) => event.outcome === 'refused').map((event) => event.reason)
    assert.deepEqual(new Set(reasons), new Set(wrong.map(([, code]) => code)))
    assert.equal(await authority.storage.keys.countByOwner(GUEST), 0)
  })
})

describe('the limit of tokens of one owner', () => {
  const limited = (exceeded: 'refuse' | 'remove_oldest', max = 10) => ({ limit: { max, exceeded } })

  test('is exact when 64 ask at once, whatever the type', async (t) => {
    const authority = await openTestAuthority(t)
    const types = ['API_KEY', 'JWT', 'CLIENT_ID'] as const
    const all = Array.from({ length: 64 }, (_, n) =>
      issueKnoxToken(authority, { type: types[n % 3] ?? 'JWT', ...limited('refuse') }),
    )
    const settled = await Promise.allSettled(all)
    assert.equal(settled.filter(({ status }) => status === 'fulfilled').length, 10)
    for (const one of settled) if (one.status === 'rejected') assert.equal(one.reason.code, 'key.owner_full')
    await issueKnoxToken(authority, { owner: 'other' as UserId, ...limited('refuse') })
  })

  test('is kept by the end of exactly the oldest, when that is asked for', async (t) => {
    const authority = await openTestAuthority(t)
    const issued = []
    for (let n = 0; n < 3; n++) {
      authority.clock.passMs(1)
      issued.push(await issueKnoxToken(authority))
    }
    const [first, second] = issued
    assert.ok(first !== undefined && second !== undefined)
    const next = await issueKnoxToken(authority, { createdBy: ADMIN, ...limited('remove_oldest', 3) })
    const answers = []
    for (const { token } of [first, second, next]) {
      answers.push((await authority.verification.check(token.reveal(), {})).refusal)
    }
    assert.deepEqual(answers, ['revoked', undefined, undefined])
    assert.deepEqual(authority.ended, [first.issued.fingerprint])
    const removal = authority.audited.find((event) => event.action === 'key.delete')
    assert.deepEqual([removal?.subject, removal?.actor], [`key:${first.issued.id}`, ADMIN])
    assert.deepEqual(removal?.details, { owner: GUEST, reason: 'superseded', replacedBy: next.issued.id })
    const stored = await keyEvents(authority.storage)
    assert.deepEqual(
      stored.map((event) => event.action),
      ['key.create', 'key.create', 'key.create', 'key.delete', 'key.create'],
    )
  })

  test('does not count keys of the owner in other languages, nor they these (Knox counts everything together)', async (t) => {
    const { authority, root, bob } = await openManagedKeys(t, {}, { apiKeyPerUserMax: 1 })
    const owner = bob.user.id
    await issueKnoxToken(authority, { owner, ...limited('refuse', 1) })
    await assert.rejects(issueKnoxToken(authority, { owner, ...limited('refuse', 1) }), {
      code: 'key.owner_full',
    })
    const another = { owner, description: 'd' }
    await assert.rejects(authority.keys.issueFor(root, another), { code: 'key.owner_full' })
  })

  test('leaves room again when a token expired, also before it is forgotten', async (t) => {
    const authority = await openTestAuthority(t)
    const request = { expiresAt: authority.clock.now() + 10, ...limited('refuse', 1) }
    await issueKnoxToken(authority, request)
    await assert.rejects(issueKnoxToken(authority, request), { code: 'key.owner_full' })
    authority.clock.passMs(10)
    await issueKnoxToken(authority, limited('refuse', 1))
  })
})

describe("verifying a token in Knox's way", () => {
  test('tells a token that is good, its id, and an id without its secret', async (t) => {
    const { managedTokens, ...authority } = await openTestAuthority(t)
    const { token, issued } = await issueKnoxToken({ managedTokens, ...authority })
    const good = await managedTokens.verify(token.reveal(), {})
    assert.deepEqual([good.verdict.refusal, good.id, good.knownId], [undefined, issued.id, true])
    const passcode = NO_ID
    const guessed = await managedTokens.verify(printKnoxToken({ id: issued.id, passcode }), {})
    assert.deepEqual([guessed.verdict.refusal, guessed.id, guessed.knownId], ['unknown', issued.id, true])
    const invented = await managedTokens.verify(printKnoxToken({ id: NO_ID, passcode }), {})
    assert.deepEqual([invented.verdict.refusal, invented.id, invented.knownId], ['unknown', NO_ID, false])
    for (const text of ['', 'x', `${token.reveal()}=`, ` ${token.reveal()}`]) {
      const { verdict, id, knownId } = await managedTokens.verify(text, {})
      assert.deepEqual([verdict.refusal, id, knownId], ['malformed', undefined, false])
    }
  })

  test('refuses the right passcode with the id of another token, verified before or not (KNOX-3413)', async (t) => {
    const authority = await openTestAuthority(t)
    const [guest, admin] = [
      await issueKnoxToken(authority),
      await issueKnoxToken(authority, { owner: ADMIN }),
    ]
    const { passcode = '' } = parseKnoxToken(guest.token.reveal()) ?? {}
    assert.equal((await authority.managedTokens.verify(guest.token.reveal(), {})).verdict.refusal, undefined)
    const mixed = printKnoxToken({ id: admin.issued.id, passcode })
    const { verdict, knownId } = await authority.managedTokens.verify(mixed, {})
    assert.deepEqual([verdict.refusal, knownId], ['unknown', true])
  })

  test('tells disabled, expired and revoked tokens apart; the id of a revoked one is known no more', async (t) => {
    const authority = await openTestAuthority(t)
    const { managedTokens } = authority
    const { token, issued } = await issueKnoxToken(authority, { expiresAt: authority.clock.now() + 10 })
    const ask = async () => {
      const { verdict, knownId } = await managedTokens.verify(token.reveal(), {})
      return [verdict.refusal ?? 'valid', knownId]
    }
    await managedTokens.setEnabled(issued.id, false, aManager())
    assert.deepEqual(await ask(), ['disabled', true])
    await managedTokens.setEnabled(issued.id, true, aManager())
    assert.deepEqual(await ask(), ['valid', true])
    authority.clock.passMs(10)
    assert.deepEqual(await ask(), ['expired', true])
    await managedTokens.revoke(issued.id, aManager())
    assert.deepEqual(await ask(), ['revoked', false])
  })

  test('counts uses, and keeps policies', async (t) => {
    const authority = await openTestAuthority(t)
    const { token, issued } = await issueKnoxToken(authority, {
      policy: {
        addresses: ['192.0.2.0/24'],
        limits: [{ name: 'all', limit: 1, windowMs: 60_000, automatic: true }],
      },
    })
    const { managedTokens } = authority
    const ask = async (address: string) =>
      (await managedTokens.verify(token.reveal(), { address })).verdict.refusal ?? 'valid'
    assert.deepEqual(
      [await ask('198.51.100.1'), await ask('192.0.2.1'), await ask('192.0.2.1')],
      ['forbidden', 'valid', 'rate_limited'],
    )
    assert.equal((await managedTokens.get(issued.id))?.lastUsedAt, authority.clock.now())
  })

  test('knows keys of the other languages as well', async (t) => {
    const { authority, token } = await openManagedKeys(t)
    const { verdict, id, knownId } = await authority.managedTokens.verify(token, {})
    assert.deepEqual([verdict.refusal, id, knownId], [undefined, 'k1', true])
  })
})

describe('verifying who holds a token by its id', () => {
  test('is judged, counted and told as if the token itself was shown', async (t) => {
    const authority = await openTestAuthority(t)
    const { managedTokens, clock } = authority
    const end = clock.now() + 5_000
    const { issued } = await issueKnoxToken(authority, {
      expiresAt: end,
      policy: { addresses: ['192.0.2.0/24'], limits: [{ name: 'l', limit: 1, windowMs: 1_000 }] },
    })
    const check = async (address = '192.0.2.1') =>
      (await managedTokens.verifyHolder(issued.id, { address })).refusal
    assert.equal(await check('198.51.100.1'), 'forbidden')
    assert.deepEqual([await check(), await check()], [undefined, 'rate_limited'])
    await managedTokens.setEnabled(issued.id, false, aManager())
    assert.equal(await check(), 'disabled')
    await managedTokens.setEnabled(issued.id, true, aManager())
    clock.setTo(end)
    assert.equal(await check(), 'expired')
    await managedTokens.revoke(issued.id, aManager())
    assert.equal(await check(), 'unknown')
    assert.equal((await managedTokens.verifyHolder(NO_ID, {})).refusal, 'unknown')
  })
})

test('what an API forbade leaves one event for many of a kind', async (t) => {
  const authority = await openTestAuthority(t)
  const forbidden = { action: 'key.delete', subject: 'key:k1' } as const
  for (let count = 0; count < 3; count++) {
    authority.managedTokens.noteForbidden(aManager(), forbidden)
  }
  await authority.housekeeping.finish()
  const events = await keyEvents(authority.storage)
  assert.deepEqual(
    events.map(({ outcome, actor, subject, reason }) => [outcome, actor, subject, reason]),
    events.map(() => ['refused', GUEST, 'key:k1', 'right.missing']),
  )
  const counted = events.reduce((sum, { details }) => sum + Number(details?.['count'] ?? 1), 0)
  assert.deepEqual([counted, events.length < 3], [3, true])
})

describe("managing tokens in Knox's way", () => {
  test('disables, enables and revokes keys of every language, with an event each', async (t) => {
    const { authority, bob, token } = await openManagedKeys(t)
    const { managedTokens } = authority
    const own = await issueKnoxToken(authority, { owner: bob.user.id })
    for (const [id, text] of [
      ['k1' as KeyId, token],
      [own.issued.id, own.token.reveal()],
    ] as const) {
      const answer = async () => (await authority.verification.check(text, { cost: 0 })).refusal
      const before = authority.audited.length
      const disabled = await managedTokens.setEnabled(id, false, aManager(bob.user.id))
      assert.equal(disabled?.disabled?.by, bob.user.id)
      assert.equal(await answer(), 'disabled')
      await managedTokens.setEnabled(id, false, aManager(bob.user.id))
      await managedTokens.setEnabled(id, true, aManager(bob.user.id))
      assert.equal(await answer(), undefined)
      assert.equal((await managedTokens.revoke(id, aManager(bob.user.id)))?.id, id)
      assert.equal(await answer(), 'revoked')
      const actions = authority.audited
        .slice(before)
        .flatMap(({ action }) => (action === 'token.refused' ? [] : [action]))
      assert.deepEqual(actions, ['key.disable', 'key.enable', 'key.delete'])
    }
  })

  test('answers nothing for ids that there are none of, or no more', async (t) => {
    const authority = await openTestAuthority(t)
    const { managedTokens } = authority
    const { issued } = await issueKnoxToken(authority)
    await managedTokens.revoke(issued.id, aManager())
    for (const id of [NO_ID, issued.id]) {
      assert.equal(await managedTokens.get(id), undefined)
      assert.equal(await managedTokens.setEnabled(id, true, aManager()), undefined)
      assert.equal(await managedTokens.setEnabled(id, false, aManager()), undefined)
      assert.equal(await managedTokens.revoke(id, aManager()), undefined)
      assert.equal(await managedTokens.renew(id, 2e12, aManager()), undefined)
    }
  })

  test('does not let the holder of a token undo what somebody else decided about it', async (t) => {
    const authority = await openTestAuthority(t)
    const { managedTokens } = authority
    const { issued } = await issueKnoxToken(authority, { createdBy: ADMIN })
    const enableAs = (by: string) => managedTokens.setEnabled(issued.id, true, aManager(by as UserId))
    await managedTokens.setEnabled(issued.id, false, aManager('operator' as UserId))
    for (const by of [GUEST, ADMIN]) await assert.rejects(enableAs(by), { code: 'right.missing' })
    assert.equal((await enableAs('helper'))?.disabled, undefined)
    await managedTokens.setEnabled(issued.id, false, aManager(ADMIN))
    assert.equal((await enableAs(GUEST))?.disabled, undefined)
  })

  test('lists tokens of an owner or creator, with any of the metadata, page by page', async (t) => {
    const authority = await openTestAuthority(t)
    const { managedTokens } = authority
    const mine = await issueKnoxToken(authority, { metadata: { env: 'dev' } })
    const forBob = await issueKnoxToken(authority, { owner: 'bob' as UserId, createdBy: GUEST })
    const bobs = await issueKnoxToken(authority, { owner: 'bob' as UserId, createdBy: 'bob' as UserId })
    const idsOf = async (filter: Parameters<typeof managedTokens.list>[0]) =>
      (await managedTokens.list(filter, aManager())).tokens.map((token) => token.id)
    assert.deepEqual(await idsOf({ owner: GUEST }), [mine.issued.id])
    assert.deepEqual(await idsOf({ createdBy: GUEST }), [forBob.issued.id])
    assert.deepEqual(await idsOf({ ownerOrCreator: GUEST }), [mine.issued.id, forBob.issued.id])
    assert.deepEqual(await idsOf({ metadata: { env: ['x', 'dev'] } }), [mine.issued.id])
    assert.deepEqual(await idsOf({ metadata: {} }), [])
    const first = await managedTokens.list({ limit: 2 }, aManager())
    assert.deepEqual(first.tokens, [mine.issued, forBob.issued])
    const second = await managedTokens.list({ limit: 2, after: first.next ?? '' }, aManager())
    assert.deepEqual([second.tokens, second.next], [[bobs.issued], undefined])
    await assert.rejects(managedTokens.list({ after: 'x' }, aManager()), { code: 'id.invalid' })
  })
})

describe("renewing a token of Knox's form", () => {
  test('moves its end, as far as its longest life', async (t) => {
    const authority = await openTestAuthority(t)
    const now = authority.clock.now()
    const { token, issued } = await issueKnoxToken(authority, {
      expiresAt: now + 10,
      maxLifetimeAt: now + 100,
    })
    const renew = (at: number) => authority.managedTokens.renew(issued.id, at, aManager(ADMIN))
    const renewed = await renew(now + 100)
    assert.deepEqual([renewed?.expiresAt, renewed?.ttlMs, renewed?.record.updatedBy], [now + 100, 100, ADMIN])
    await assert.rejects(renew(now + 101), { code: 'key.ttl_exceeded' })
    authority.clock.passMs(99)
    assert.equal((await authority.verification.check(token.reveal(), {})).refusal, undefined)
    authority.clock.passMs(1)
    await assert.rejects(renew(now + 100), { code: 'key.ttl_invalid' })
    const [event] = authority.audited.slice(-1)
    assert.deepEqual([event?.action, event?.details?.['after']], ['key.update', { expiresAt: now + 100 }])
  })

  test('is refused for what never expires, for times that are none, and for other families', async (t) => {
    const { authority, root } = await openManagedKeys(t, { ttlMs: 1_000 })
    const now = authority.clock.now()
    const { managedTokens } = authority
    const forever = await issueKnoxToken(authority)
    const code = 'key.ttl_invalid'
    await assert.rejects(managedTokens.renew(forever.issued.id, now + 10, aManager()), { code })
    const { issued } = await issueKnoxToken(authority, { expiresAt: now + 10 })
    for (const at of [now, now - 1, now + 1.5, Number.NaN]) {
      await assert.rejects(managedTokens.renew(issued.id, at, aManager()), { code })
    }
    assert.equal(await managedTokens.renew('k1' as KeyId, now + 9_000, aManager(root.user.id)), undefined)
  })
})

describe("a token of Knox's form in the other languages", () => {
  test('acts for its owner when that is a user, and is unknown there when it is not', async (t) => {
    const { authority, bob, callerWith } = await openManagedKeys(t)
    const own = await issueKnoxToken(authority, { owner: bob.user.id })
    assert.deepEqual((await callerWith(own.token.reveal())).user, bob.user)
    assert.equal((await authority.tokens.inspect(own.token.reveal(), TEST_ORIGIN)).valid, true)
    for (const owner of [GUEST, '-1', 'anonymous']) {
      const { token } = await issueKnoxToken(authority, { owner: owner as UserId })
      for (const ask of [authority.tokens.verify, authority.tokens.inspect]) {
        assert.deepEqual(await ask(token.reveal(), TEST_ORIGIN), { valid: false, reason: 'unknown' })
      }
      assert.equal((await authority.verification.check(token.reveal(), {})).refusal, undefined)
    }
    await authority.housekeeping.finish()
    assert.ok(authority.audited.some((event) => event.action === 'token.refused'))
  })

  test('is explained, rotated to another passcode of the same id, revoked by its holder, and restored', async (t) => {
    const { authority, root, answerTo } = await openManagedKeys(t)
    const { token, issued } = await issueKnoxToken(authority)
    const { verdict } = await authority.verification.explain(token.reveal(), {})
    assert.equal(verdict.refusal, undefined)
    const rotated = await authority.lifeCycle.rotate(root, issued.id, { graceMs: 1_000 })
    const text = rotated.token.reveal()
    assert.equal(parseKnoxToken(text)?.id, issued.id)
    assert.notEqual(text, token.reveal())
    assert.deepEqual([await answerTo(text), await answerTo(token.reveal())], ['valid', 'valid'])
    authority.clock.passMs(1_000)
    assert.deepEqual([await answerTo(text), await answerTo(token.reveal())], ['valid', 'unknown'])
    assert.equal(await authority.lifeCycle.revokeToken(text, TEST_ORIGIN, 'keyCompromise'), true)
    assert.equal(await answerTo(text), 'revoked')
    await authority.lifeCycle.restore(root, issued.id)
    assert.equal(await answerTo(text), 'valid')
  })

  test('is judged by the permissions of its owner, who has none when it is no user', async (t) => {
    const { authority, bob } = await openManagedKeys(t)
    const permissions = { kind: 'permission', controller: 'auth', action: 'getCurrentUser' } as const
    for (const [owner, expected] of [
      [bob.user.id, undefined],
      [GUEST, 'insufficient'],
    ] as const) {
      const { token } = await issueKnoxToken(authority, { owner })
      assert.equal((await authority.verification.check(token.reveal(), { permissions })).refusal, expected)
    }
  })
})
