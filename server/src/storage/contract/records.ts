import assert from 'node:assert/strict'
import type { Credentials } from '../../core/access/credentials.ts'
import type { Profile } from '../../core/access/profile.ts'
import type { Role } from '../../core/access/role.ts'
import type { Session } from '../../core/access/session.ts'
import type { User } from '../../core/access/user.ts'
import type { AuditAction, AuditEvent } from '../../core/audit/audit-event.ts'
import { DomainError, type ErrorCode } from '../../core/errors.ts'
import type { KeyId, ProfileId, RoleId, UserId } from '../../core/ids.ts'
import type { ApiKey, Revocation } from '../../core/keys/api-key.ts'
import { fingerprintOf } from '../../core/keys/fingerprint.ts'
import type { KeyStore } from '../../core/ports/key-store.ts'
import type { Storage } from '../../core/ports/storage.ts'

/** Records that tests store: whole, valid, and different where they must be. */

/** The user id of that text. */
export function userId(text: string): UserId {
  return text as UserId
}

/** The profile id of that text. */
export function profileId(text: string): ProfileId {
  return text as ProfileId
}

/** The role id of that text. */
export function roleId(text: string): RoleId {
  return text as RoleId
}

/** The key id of that text. */
export function keyId(text: string): KeyId {
  return text as KeyId
}

/** Who the tests' changes are made by. */
export const TESTER = userId('tester')

/** A key of that id; its fingerprint follows from the id. */
export function aKey(id: string, owner: string, more: Partial<ApiKey> = {}): ApiKey {
  return {
    id: keyId(id),
    owner: userId(owner),
    description: `key ${id}`,
    fingerprint: fingerprintOf(`key of ${id}`),
    record: { createdBy: TESTER, createdAt: 1_000 },
    ...more,
  }
}

/** A revocation, by the tests. */
export function aRevocation(more: Partial<Revocation> = {}): Revocation {
  return { at: 2_000, by: TESTER, reason: 'unspecified', ...more }
}

/** Revokes a key; answers what it was. */
export function revokeKey(keys: KeyStore, id: string, owner?: string): Promise<ApiKey | undefined> {
  const by = { revocation: aRevocation(), ...(owner !== undefined && { owner: userId(owner) }) }
  return keys.revoke(keyId(id), by, anEvent('key.delete', 'key'))
}

/** A user of that id, with a profile that must be stored first. */
export function aUser(id: string, more: Partial<User> = {}): User {
  return {
    id: userId(id),
    profileIds: [profileId('default')],
    content: { name: `User ${id}` },
    record: { createdBy: TESTER, createdAt: 1_000 },
    ...more,
  }
}

/** Credentials of that owner; the username follows from it. */
export function someCredentials(owner: string, more: Partial<Credentials> = {}): Credentials {
  return {
    strategy: 'local',
    owner: userId(owner),
    username: `login-of-${owner}`,
    passwordHash: `$hash$of-${owner}`,
    ...more,
  }
}

/** A session of that owner; its fingerprint follows from `token`. */
export function aSession(token: string, owner: string, more: Partial<Session> = {}): Session {
  return {
    fingerprint: fingerprintOf(token),
    owner: userId(owner),
    singleUse: false,
    refreshed: false,
    createdAt: 1_000,
    ...more,
  }
}

/** A role of that id that allows everything. */
export function aRole(id: string, more: Partial<Role> = {}): Role {
  return {
    id: roleId(id),
    controllers: { '*': { actions: { '*': true } } },
    content: {},
    record: { createdBy: TESTER, createdAt: 1_000 },
    ...more,
  }
}

/** A profile of that id with those roles, which must be stored first. */
export function aProfile(id: string, roles: readonly string[], more: Partial<Profile> = {}): Profile {
  return {
    id: profileId(id),
    policies: roles.map((role) => ({ roleId: roleId(role) })),
    rateLimit: 0,
    content: {},
    record: { createdBy: TESTER, createdAt: 1_000 },
    ...more,
  }
}

/** An event of that action. */
export function anEvent(action: AuditAction, subject = 'test', more: Partial<AuditEvent> = {}): AuditEvent {
  return {
    at: 2_000,
    action,
    outcome: 'done',
    actor: TESTER,
    subject,
    origin: { carrier: 'cli', requestId: 'request-1', local: true },
    ...more,
  }
}

/** Stores role `base`, profile `default` with it, and users of those ids. */
export async function withUsers(storage: Storage, ...ids: readonly string[]): Promise<void> {
  await storage.access.putRole(aRole('base'), 'replace', anEvent('role.replace'))
  await storage.access.putProfile(aProfile('default', ['base']), 'replace', anEvent('profile.replace'))
  for (const id of ids) await storage.users.create(aUser(id), [], anEvent('user.create'))
}

/** Asserts that a promise rejects with a `DomainError` of that code, and answers it. */
export async function refusal(promise: Promise<unknown>, code: ErrorCode): Promise<DomainError> {
  const error = await promise.then(
    () => assert.fail(`resolved, but was to be refused with ${code}`),
    (thrown: unknown) => thrown,
  )
  assert.ok(error instanceof DomainError, `rejected with ${String(error)}`)
  assert.equal(error.code, code)
  return error
}

/** How many promises were fulfilled, and the codes of the `DomainError`s of the others. */
export async function outcomes(promises: readonly Promise<unknown>[]): Promise<{
  readonly fulfilled: number
  readonly codes: ReadonlySet<ErrorCode>
}> {
  const settled = await Promise.allSettled(promises)
  const codes = new Set<ErrorCode>()
  for (const one of settled) {
    if (one.status === 'fulfilled') continue
    assert.ok(one.reason instanceof DomainError, `rejected with ${String(one.reason)}`)
    codes.add(one.reason.code)
  }
  return { fulfilled: settled.filter((one) => one.status === 'fulfilled').length, codes }
}

/** The subjects of all stored events of that action, in order. */
export async function auditSubjects(storage: Storage, action: AuditAction): Promise<readonly string[]> {
  const events = await storage.audit.list(0, 100_000)
  return events.filter((event) => event.action === action).map((event) => event.subject)
}

/** The whole numbers from 0 to below `count`. */
export function numbers(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => index)
}
