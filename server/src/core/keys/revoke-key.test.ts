import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
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
})
