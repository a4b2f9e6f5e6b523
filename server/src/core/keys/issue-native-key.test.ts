import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { BOB, openManagedKeys } from '../contract/managed-keys.ts'
import { openTestAuthority } from '../contract/test-authority.ts'
import type { KeyId, UserId } from '../ids.ts'
import type { KeyRequest } from '../key-authority.ts'
import { parseKeyToken } from './key-token.ts'

describe('a key that is issued', () => {
  test('with all that can be said of it is stored and shown as that', async (t) => {
    const { authority, root } = await openManagedKeys(t)
    const request: KeyRequest = {
      owner: BOB,
      description: 'd',
      id: 'k2' as KeyId,
      ttlMs: 60_000,
      native: {},
      policy: { scopes: ['invoices:*'], credits: { initial: 7 } },
      metadata: { team: 'a' },
      disabled: true,
    }
    const { token, issued } = await authority.lifeCycle.create(root, request)
    const now = authority.clock.now()
    const { fingerprint, hint, ...key } = issued.key
    assert.deepEqual(key, {
      id: 'k2',
      owner: 'bob',
      description: 'd',
      family: 'native',
      ttlMs: 60_000,
      expiresAt: now + 60_000,
      record: { createdBy: 'root', createdAt: now },
      policy: request.policy,
      metadata: { team: 'a' },
      disabled: { at: now, by: 'root' },
    })
    assert.deepEqual([issued.state, issued.credits], ['disabled', 7])
    assert.equal(parseKeyToken(token.reveal()), 'native')
    assert.ok(hint !== undefined && token.reveal().startsWith(hint))
    assert.deepEqual(await authority.lifeCycle.get(root, 'k2' as KeyId), issued)
    const event = authority.audited.find(({ subject }) => subject === 'key:k2')
    assert.deepEqual(event?.details, {
      owner: 'bob',
      fingerprint,
      expiresAt: now + 60_000,
      policy: request.policy,
      disabled: true,
    })
  })

  test('with a policy that says nothing has none', async (t) => {
    const { authority, root } = await openManagedKeys(t)
    const { issued } = await authority.keys.issueFor(root, { owner: BOB, description: 'd', policy: {} })
    assert.equal('policy' in issued, false)
  })

  test('may have scopes beyond the rights of its owner, which count once the owner has them', async (t) => {
    const { authority, bob, answerTo } = await openManagedKeys(t)
    const { token } = await authority.lifeCycle.create(bob, {
      owner: BOB,
      description: 'd',
      policy: { scopes: ['admin:*'] },
    })
    assert.equal(await answerTo(token.reveal()), 'valid')
    const permissions = { kind: 'permission', controller: 'admin', action: 'all' } as const
    const verdict = await authority.verification.check(token.reveal(), { permissions })
    assert.equal(verdict.refusal, 'insufficient')
  })

  test('is refused with a policy or metadata that are none', async (t) => {
    const { authority, root } = await openManagedKeys(t)
    const request = { owner: BOB, description: 'd' }
    const policy = { credits: { initial: -1 } }
    await assert.rejects(authority.keys.issueFor(root, { ...request, policy }), { code: 'policy.invalid' })
    const metadata = { text: 'x'.repeat(16_385) }
    await assert.rejects(authority.keys.issueFor(root, { ...request, metadata }), {
      code: 'metadata.invalid',
    })
  })

  test('for oneself obeys the longest life, for who may issue for everybody it does not', async (t) => {
    const authority = await openTestAuthority(t, { apiKeyMaxTtlMs: 1_000 })
    const bob = await authority.userWith('bob')
    const root = await authority.userWith('root', 'admin')
    const request = { owner: BOB, description: 'd' }
    await assert.rejects(authority.lifeCycle.create(bob, request), { code: 'key.ttl_exceeded' })
    await authority.lifeCycle.create(bob, { ...request, ttlMs: 1_000 })
    await authority.lifeCycle.create(root, request)
    const forEve = { ...request, owner: 'eve' as UserId }
    await assert.rejects(authority.lifeCycle.create(bob, forEve), { code: 'right.missing' })
  })
})
