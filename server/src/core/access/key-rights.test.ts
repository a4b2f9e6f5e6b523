import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { BOB, K1, type ManagedKeys, openManagedKeys } from '../contract/managed-keys.ts'
import { TEST_ORIGIN } from '../contract/test-authority.ts'
import { DomainError } from '../errors.ts'
import type { KeyId } from '../ids.ts'
import type { Caller } from './caller.ts'
import { KEY_RIGHTS, type KeyOperation } from './key-rights.ts'
import { NATIVE_ACTIONS } from './native-actions.ts'

type Attempt = (keys: ManagedKeys, caller: Caller) => Promise<unknown>

/** How each operation is tried, on a key of bob's. */
const ATTEMPTS: Readonly<Record<Exclude<KeyOperation, 'verify' | 'explain' | 'range'>, Attempt>> = {
  create: ({ authority }, caller) => authority.lifeCycle.create(caller, { owner: BOB, description: 'new' }),
  rotate: ({ authority }, caller) => authority.lifeCycle.rotate(caller, K1, { graceMs: 0 }),
  read: ({ authority }, caller) => authority.lifeCycle.get(caller, K1),
  describe: ({ authority }, caller) => authority.lifeCycle.update(caller, K1, { description: 'other' }),
  change: ({ authority }, caller) =>
    authority.lifeCycle.setCredits(caller, K1, { operation: 'set', amount: 9 }),
  disable: ({ authority }, caller) => authority.lifeCycle.disable(caller, K1, undefined),
  enable: async ({ authority, root }, caller) => {
    await authority.lifeCycle.disable(root, K1, undefined)
    return authority.lifeCycle.enable(caller, K1)
  },
  revoke: ({ authority }, caller) => authority.lifeCycle.revoke(caller, K1, { reason: 'unspecified' }),
  restore: async ({ authority, root }, caller) => {
    await authority.lifeCycle.revoke(root, K1, { reason: 'unspecified' })
    return authority.lifeCycle.restore(caller, K1)
  },
}

const OPERATIONS = Object.keys(ATTEMPTS) as readonly (keyof typeof ATTEMPTS)[]

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work
    return 'done'
  } catch (error) {
    assert.ok(error instanceof DomainError, String(error))
    return error.code
  }
}

const printed = (rights: readonly { readonly controller: string; readonly action: string }[]) =>
  rights.map(({ controller, action }) => `${controller}:${action}`)

describe('who may what with keys', () => {
  test('each right of the table suffices for keys of everybody', async (t) => {
    for (const operation of OPERATIONS) {
      for (const right of printed(KEY_RIGHTS[operation].anybody)) {
        const keys = await openManagedKeys(t, { policy: { credits: { initial: 1 } } })
        const caller = await keys.userWhoMay('carol', right)
        assert.equal(await codeOf(ATTEMPTS[operation](keys, caller)), 'done', `${right} to ${operation}`)
      }
    }
  })

  test('each right of the table suffices for keys of its own, and for nobody elses', async (t) => {
    for (const operation of OPERATIONS) {
      for (const right of printed(KEY_RIGHTS[operation].own)) {
        const keys = await openManagedKeys(t, { policy: { credits: { initial: 1 } } })
        const caller = await keys.userWhoMay('carol', right)
        const { user } = await keys.userWhoMay('dave', right)
        const asBob = { ...caller, user: { ...user, id: BOB } }
        const refused = await codeOf(ATTEMPTS[operation](keys, caller))
        assert.equal(
          refused,
          operation === 'create' ? 'right.missing' : 'key.not_found',
          `${right} to ${operation}`,
        )
        assert.equal(await codeOf(ATTEMPTS[operation](keys, asBob)), 'done', `${right} to ${operation}`)
      }
    }
  })

  test('without a right a key does not exist, and for who may only look at it the right is named', async (t) => {
    for (const operation of OPERATIONS) {
      if (operation === 'read') continue
      const keys = await openManagedKeys(t, { policy: { credits: { initial: 1 } } })
      const stranger = await keys.userWhoMay('carol')
      const reader = await keys.userWhoMay('dave', 'keys:read')
      const expected = operation === 'create' ? 'right.missing' : 'key.not_found'
      assert.equal(await codeOf(ATTEMPTS[operation](keys, stranger)), expected, operation)
      const [needed] = printed(KEY_RIGHTS[operation].anybody)
      await assert.rejects(ATTEMPTS[operation](keys, reader), (error: DomainError) => {
        // Enabling is refused for want of the right to disable, which is the lesser one.
        const right = operation === 'enable' ? 'keys:revoke' : needed
        assert.deepEqual([error.code, error.facts['right']], ['right.missing', right])
        return true
      })
    }
  })

  test('refuses ids of others and ids that do not exist in the same words', async (t) => {
    const { authority, eve } = await openManagedKeys(t)
    const refusal = async (id: string) => {
      const error: unknown = await authority.lifeCycle
        .get(eve, id as KeyId)
        .catch((reason: unknown) => reason)
      assert.ok(error instanceof DomainError)
      return JSON.stringify({ ...error, message: error.message }).replaceAll(id, 'ID')
    }
    assert.equal(await refusal('k1'), await refusal('nobodys'))
  })

  test('can be granted by roles: the rights exist as those of a controller', () => {
    const actions = Object.values(KEY_RIGHTS)
      .flatMap(({ anybody }) => anybody)
      .filter(({ controller }) => controller === 'keys')
      .map(({ action }) => action)
    assert.deepEqual([...new Set(actions)].sort(), [...(NATIVE_ACTIONS.get('keys') ?? [])].sort())
  })
})

describe('a key with a policy', () => {
  const scopes = ['keys:*', 'auth:*', 'security:*']

  test('may look, disable and revoke as its scopes say, but never issue or loosen anything', async (t) => {
    const forbidden: readonly (readonly [keyof typeof ATTEMPTS, string])[] = [
      ['create', 'key.issuing_forbidden'],
      ['rotate', 'key.issuing_forbidden'],
      ['change', 'key.policy_forbidden'],
      ['enable', 'key.policy_forbidden'],
      ['restore', 'key.policy_forbidden'],
    ]
    for (const [operation, code] of forbidden) {
      const keys = await openManagedKeys(t, { policy: { credits: { initial: 1 } } })
      const caller = await rootWithKey(keys, scopes)
      assert.equal(await codeOf(ATTEMPTS[operation](keys, caller)), code, operation)
    }
    for (const operation of ['read', 'describe', 'disable', 'revoke'] as const) {
      const keys = await openManagedKeys(t)
      const caller = await rootWithKey(keys, scopes)
      assert.equal(await codeOf(ATTEMPTS[operation](keys, caller)), 'done', operation)
    }
  })

  test('may not do what its scopes leave out, though its owner may', async (t) => {
    const keys = await openManagedKeys(t)
    const caller = await rootWithKey(keys, ['keys:read'])
    assert.equal(await codeOf(ATTEMPTS.read(keys, caller)), 'done')
    assert.equal(await codeOf(ATTEMPTS.revoke(keys, caller)), 'right.missing')
    assert.equal(
      await keys.authority.tokens.isAllowed(caller, { controller: 'auth', action: 'login' }),
      false,
    )
  })

  test('gets no session', async (t) => {
    const { authority, callerWith, token } = await openManagedKeys(t, { policy: { scopes: ['*'] } })
    await assert.rejects(authority.sessions.createToken(await callerWith(token), { singleUse: true }), {
      code: 'key.issuing_forbidden',
    })
  })

  test('can always be looked at and ended by who holds it', async (t) => {
    const { authority, callerWith, token, answerTo } = await openManagedKeys(t, { policy: { scopes: [] } })
    const holder = await callerWith(token)
    assert.equal((await authority.lifeCycle.get(holder, K1)).state, 'active')
    await authority.lifeCycle.revoke(holder, K1, { reason: 'keyCompromise' })
    assert.equal(await answerTo(token), 'revoked')
  })
})

async function rootWithKey({ authority, root }: ManagedKeys, scopes: readonly string[]): Promise<Caller> {
  const { token } = await authority.keys.issueFor(root, {
    owner: root.user.id,
    description: 'd',
    policy: { scopes },
  })
  const verdict = await authority.tokens.verify(token.reveal(), TEST_ORIGIN)
  assert.ok(verdict.valid)
  return { ...root, token: verdict.token }
}
