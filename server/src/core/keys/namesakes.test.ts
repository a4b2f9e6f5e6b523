import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { issueKnoxToken } from '../contract/knox-tokens.ts'
import { openManagedKeys } from '../contract/managed-keys.ts'
import { TEST_ORIGIN, type TestAuthority } from '../contract/test-authority.ts'
import type { UserId } from '../ids.ts'
import { NAME_TRUSTS, type NameTrust } from './api-key.ts'
import { parsePermissionQuery } from './permission-query.ts'

const ROOT = 'root' as UserId
const BOB = 'bob' as UserId

/** What a key can do that was issued to that name. */
async function powerOf(authority: TestAuthority, owner: UserId, ownerTrust: NameTrust, permission: string) {
  const token = (await issueKnoxToken(authority, { owner, ownerTrust })).token.reveal()
  const permissions = parsePermissionQuery(permission)
  return {
    isGood: (await authority.verification.check(token, {})).refusal === undefined,
    acts: (await authority.tokens.verify(token, TEST_ORIGIN)).valid,
    isInspected: (await authority.tokens.inspect(token, TEST_ORIGIN)).valid,
    isPermitted: (await authority.verification.check(token, { permissions })).refusal === undefined,
    isExplained: (await authority.verification.explain(token, { permissions })).verdict.refusal === undefined,
  }
}

function powerIf(hasIt: boolean) {
  return { isGood: true, acts: hasIt, isInspected: hasIt, isPermitted: hasIt, isExplained: hasIt }
}

describe("a key of Knox's form whose owner is called like a user", () => {
  test('has no power of an administrator unless all names are said to be those of users', async (t) => {
    const { authority } = await openManagedKeys(t)
    for (const trust of NAME_TRUSTS) {
      const power = await powerOf(authority, ROOT, trust, 'security:createUser')
      assert.deepEqual(power, powerIf(trust === 'all'), trust)
    }
  })

  test('has the power of a user who may manage nothing, unless no name is that of a user', async (t) => {
    const { authority } = await openManagedKeys(t)
    for (const trust of NAME_TRUSTS) {
      assert.deepEqual(await powerOf(authority, BOB, trust, 'auth:logout'), powerIf(trust !== 'none'), trust)
    }
  })

  test('has no power of users who may manage anything at all, such as the keys of others', async (t) => {
    const { authority, userWhoMay } = await openManagedKeys(t)
    const managing = ['keys:verify', 'security:searchUsers', 'admin:dump', 'debug:enable', 'cluster:status']
    for (const [index, right] of managing.entries()) {
      const { user } = await userWhoMay(`helper-${index}`, 'auth:logout', right)
      const power = await powerOf(authority, user.id, 'ordinary', 'auth:logout')
      assert.deepEqual(power, powerIf(false), right)
    }
    const { user } = await userWhoMay('reader', 'document:get')
    assert.deepEqual(await powerOf(authority, user.id, 'ordinary', 'document:get'), powerIf(true))
  })

  test('loses its power in the moment in which the user becomes an administrator', async (t) => {
    const { authority, root, bob } = await openManagedKeys(t)
    const { token } = await issueKnoxToken(authority, { owner: BOB })
    const acts = async () => (await authority.tokens.verify(token.reveal(), TEST_ORIGIN)).valid
    assert.equal(await acts(), true)
    await authority.users.replace(root, BOB, { content: {}, profileIds: root.user.profileIds })
    assert.equal(await acts(), false)
    await authority.users.replace(root, BOB, { content: {}, profileIds: bob.user.profileIds })
    assert.equal(await acts(), true)
  })

  test('says so again after it was stored', async (t) => {
    const { authority } = await openManagedKeys(t)
    for (const trust of NAME_TRUSTS) {
      const { issued } = await issueKnoxToken(authority, { ownerTrust: trust })
      const stored = await authority.managedTokens.get(issued.id)
      assert.equal(stored?.knox?.ownerTrust ?? 'ordinary', trust)
    }
  })

  test('acts for nobody when there is no such user', async (t) => {
    const { authority } = await openManagedKeys(t)
    for (const trust of NAME_TRUSTS) {
      const { isGood, acts } = await powerOf(authority, 'stranger' as UserId, trust, 'auth:logout')
      assert.deepEqual([isGood, acts], [true, false], trust)
    }
  })
})
