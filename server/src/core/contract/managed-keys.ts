import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import type { Caller } from '../access/caller.ts'
import type { CoreSettings } from '../core-settings.ts'
import type { KeyId, ProfileId, RoleId, UserId } from '../ids.ts'
import type { KeyRequest } from '../key-authority.ts'
import { openTestAuthority, TEST_ORIGIN, type TestAuthority } from './test-authority.ts'

/** The key that tests manage, and its owner. */
export const K1 = 'k1' as KeyId
export const BOB = 'bob' as UserId

/** An authority with the users that manage keys, or would like to. */
export type ManagedKeys = {
  readonly authority: TestAuthority
  /** Owner of `K1`, with the rights of the profile `default`. */
  readonly bob: Caller
  /** May do everything. */
  readonly root: Caller
  /** Somebody else with the rights of the profile `default`. */
  readonly eve: Caller
  /** The token of `K1`. */
  readonly token: string
  /** A user with exactly these rights, written `controller:action`. */
  userWhoMay(id: string, ...rights: readonly string[]): Promise<Caller>
  /** Has `bob` do exactly this, written `controller:action`. */
  allowBob(...rights: readonly string[]): Promise<void>
  /** The caller who shows that token. */
  callerWith(token: string): Promise<Caller>
  /** What verifications say of a token: `valid` or the reason. */
  answerTo(token: string): Promise<string>
  /** Events of that action. */
  eventsOf(action: string): TestAuthority['audited']
}

/** Opens an authority in which `bob` has the key `K1`, native and as `changed` says. */
export async function openManagedKeys(
  t: TestContext,
  changed: Partial<KeyRequest> = {},
  settings: Partial<CoreSettings> = {},
): Promise<ManagedKeys> {
  const authority = await openTestAuthority(t, settings)
  const bob = await authority.userWith('bob')
  const eve = await authority.userWith('eve')
  const root = await authority.userWith('root', 'admin')
  const request = { owner: BOB, description: 'd', id: K1, native: {}, ...changed }
  const { token } = await authority.keys.issueFor(root, request)
  return {
    authority,
    bob,
    root,
    eve,
    token: token.reveal(),
    userWhoMay: (id, ...rights) => userWhoMay(authority, id, rights),
    async allowBob(...rights) {
      const profileIds = [await profileFor(authority, 'bob', rights)]
      await authority.users.update(root, BOB, { content: {}, profileIds })
    },
    async callerWith(text) {
      const verdict = await authority.tokens.verify(text, TEST_ORIGIN)
      assert.ok(verdict.valid)
      return authority.tokens.identify(verdict.token, TEST_ORIGIN)
    },
    async answerTo(text) {
      return (await authority.verification.check(text, { cost: 0 })).refusal ?? 'valid'
    },
    eventsOf: (action) => authority.audited.filter((event) => event.action === action),
  }
}

async function userWhoMay(authority: TestAuthority, id: string, rights: readonly string[]): Promise<Caller> {
  return authority.userWith(id, await profileFor(authority, id, rights))
}

let profilesMade = 0

/** A new profile with exactly these rights. */
async function profileFor(
  authority: TestAuthority,
  name: string,
  rights: readonly string[],
): Promise<ProfileId> {
  const controllers: Record<string, { actions: Record<string, boolean> }> = {}
  for (const right of rights) {
    const [controller = '', action = ''] = right.split(':')
    controllers[controller] ??= { actions: {} }
    controllers[controller].actions[action] = true
  }
  const none = { nothing: { actions: { at_all: true } } }
  const role = { controllers: rights.length > 0 ? controllers : none, content: {} }
  profilesMade += 1
  const roleId = `${name}-role-${profilesMade}` as RoleId
  await authority.roles.create(authority.nobody, roleId, role, true)
  const profileId = `${name}-profile-${profilesMade}` as ProfileId
  await authority.profiles.create(authority.nobody, profileId, { policies: [{ roleId }], content: {} })
  return profileId
}
