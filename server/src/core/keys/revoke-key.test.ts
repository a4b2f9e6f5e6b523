import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { BOB, K1, openManagedKeys } from '../contract/managed-keys.ts'
import { openTestAuthority, TEST_ORIGIN } from '../contract/test-authority.ts'
import type { KeyId, UserId } from '../ids.ts'

const bob = 'bob' as UserId

describe('revoking a key', () => {
  test('refuses ids that do not exist and ids of others in the same words', async (t) => {
    const authority = await openTestAuthority(t)
    const caller = await authority.userWith('bob')
    const other = await authority.userWith('eve')
    const { token } = await authority.keys.issueForSelf(other, { description: 'd', id: 'hers' as KeyId })
    const refusal = async (id: string) => {
      try {
        await authority.keys.revoke(caller, bob, id as KeyId)
      } catch (error) {
        assert.ok(error instanceof Error)
        return JSON.stringify({ ...error, message: error.message }).replaceAll(id, 'ID')
      }
      return assert.fail('accepted')
    }
    assert.equal(await refusal('hers'), await refusal('nobodys'))
    assert.match(await refusal('hers'), /key\.not_found/)
    assert.equal((await authority.tokens.verify(token.reveal(), TEST_ORIGIN)).valid, true)
    assert.deepEqual(authority.ended, [])
  })

  test('succeeds once of many times at once, and leaves one event with who, what, where and when', async (t) => {
    const authority = await openTestAuthority(t)
    const caller = await authority.userWith('bob')
    const { issued } = await authority.keys.issueForSelf(caller, { description: 'd', id: 'k1' as KeyId })
    authority.clock.passMs(7)
    const results = await Promise.allSettled(
      Array.from({ length: 5 }, () =>
        authority.keys.revoke({ ...caller, token: { kind: 'key', key: issued } }, bob, issued.id),
      ),
    )
    assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1)
    assert.deepEqual(
      authority.audited.filter(({ action }) => action === 'key.delete'),
      [
        {
          at: authority.clock.now(),
          action: 'key.delete',
          outcome: 'done',
          actor: 'bob',
          actorKey: 'k1',
          subject: 'key:k1',
          origin: TEST_ORIGIN,
          details: { owner: 'bob', reason: 'unspecified' },
        },
      ],
    )
  })

  test('keeps the uses that were not written yet, and a key of the same id begins without them', async (t) => {
    const { authority, root, token } = await openManagedKeys(t)
    const usedAt = authority.clock.now()
    const useThrice = async () => {
      for (let n = 0; n < 3; n++) await authority.verification.check(token, {})
    }
    await useThrice()
    authority.clock.passMs(2)
    const { key } = await authority.lifeCycle.revoke(root, K1, { reason: 'unspecified' })
    assert.equal((await authority.lifeCycle.get(root, K1)).key.lastUsedAt, usedAt)
    assert.equal((await authority.storage.keys.usage(K1, 1))[0]?.accepted, 3)
    assert.equal(key.lastUsedAt, usedAt)
    const request = { owner: 'eve' as UserId, description: 'd', id: K1 }
    await authority.keys.issueFor(root, request)
    assert.equal((await authority.lifeCycle.get(root, K1)).key.lastUsedAt, undefined)
    assert.deepEqual(await authority.lifeCycle.usage(root, K1, 1), [])
  })

  test('keeps the uses of keys that end together, and of those that end with their owner', async (t) => {
    const { authority, root, token } = await openManagedKeys(t)
    const issue = async (owner: UserId, id: KeyId) =>
      (await authority.keys.issueFor(root, { owner, description: 'd', id })).token.reveal()
    const [k2, k3] = ['k2' as KeyId, 'k3' as KeyId]
    const tokens = [token, await issue(BOB, k2), await issue('eve' as UserId, k3)]
    for (const each of tokens) await authority.verification.check(each, {})
    const operation = { kind: 'revoke', reason: 'unspecified', dryRun: false } as const
    await authority.lifeCycle.bulk(root, operation, { filter: { owner: BOB } })
    await authority.users.remove(root, 'eve' as UserId)
    for (const id of [K1, k2, k3]) {
      assert.equal((await authority.storage.keys.usage(id, 1))[0]?.accepted, 1)
    }
  })

  test('ends the key also when its uses cannot be written', async (t) => {
    const { authority, root, token, answerTo } = await openManagedKeys(t)
    await authority.verification.check(token, {})
    t.mock.method(authority.storage.keys, 'noteUses', () => Promise.reject(new Error('the disk is full')))
    await authority.lifeCycle.revoke(root, K1, { reason: 'unspecified' })
    assert.equal(await answerTo(token), 'revoked')
  })
})
