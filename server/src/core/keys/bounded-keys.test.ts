import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { BOB, K1, openManagedKeys } from '../contract/managed-keys.ts'
import { TEST_ORIGIN } from '../contract/test-authority.ts'
import type { ProfileId, UserId } from '../ids.ts'

const REFUSED = { code: 'key.issuing_forbidden' }
const LOCAL = { username: 'somebody', password: 'a password of its own' }

describe('a key that is bound by a policy', () => {
  test('sets no passwords, with which its holder could get a session that is bound by nothing', async (t) => {
    const { authority, callerWith, root } = await openManagedKeys(t, {
      owner: 'root' as UserId,
      policy: { addresses: ['192.0.2.0/24'], scopes: ['*'] },
    })
    const token = (await authority.lifeCycle.rotate(root, K1, { graceMs: 0 })).token.reveal()
    const caller = await callerWith(token)
    const { credentials, users } = authority
    for (const owner of ['root' as UserId, BOB]) {
      await assert.rejects(credentials.create(caller, 'local', owner, LOCAL), REFUSED)
      await credentials.create(root, 'local', owner, { ...LOCAL, username: owner })
      await assert.rejects(credentials.update(caller, 'local', owner, { password: 'another one' }), REFUSED)
    }
    const request = { id: 'new' as UserId, idKind: 'human' as const, content: {} }
    const profileIds = ['admin' as ProfileId]
    await assert.rejects(
      users.create(caller, { ...request, profileIds, credentials: { local: LOCAL } }),
      REFUSED,
    )
    const login = { strategy: 'local', username: 'root', password: LOCAL.password }
    assert.equal((await authority.sessions.login(login, TEST_ORIGIN)).issued.owner, 'root')
  })
})

describe('looking at a key', () => {
  test('is possible for who may issue and rotate keys, so that repeated requests are answered', async (t) => {
    const { authority, eve, userWhoMay } = await openManagedKeys(t)
    const issuer = await userWhoMay('issuer', 'keys:create')
    assert.equal((await authority.lifeCycle.get(issuer, K1)).key.id, 'k1')
    await assert.rejects(authority.lifeCycle.list(issuer, {}, { limit: 1 }), { code: 'right.missing' })
    await assert.rejects(authority.lifeCycle.get(eve, K1), { code: 'key.not_found' })
  })

  test('as services do is no use of it, and keeps no key from idling out', async (t) => {
    const { authority, bob, root, token } = await openManagedKeys(t, { policy: { idleTimeoutMs: 1_000 } })
    const look = () => authority.verification.check(token, { cost: 0, isNoUse: true })
    assert.equal((await look()).refusal, undefined)
    authority.clock.passMs(600)
    assert.equal((await look()).refusal, undefined)
    authority.clock.passMs(600)
    assert.equal((await look()).refusal, 'expired')
    assert.deepEqual(await authority.lifeCycle.usage(bob, K1, 1), [])
    assert.equal((await authority.lifeCycle.get(root, K1)).key.lastUsedAt, undefined)
  })
})
