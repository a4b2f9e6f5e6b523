import { refuseAnonymous } from '../access/anonymous-user.ts'
import type { Caller } from '../access/caller.ts'
import type { Credentials } from '../access/credentials.ts'
import { defaultProfileId, defaultRoleId, STANDARD_RIGHTS } from '../access/default-rights.ts'
import { hashCredentials } from '../access/manage-credentials.ts'
import type { User } from '../access/user.ts'
import { type Change, recordChange } from '../audit/record-change.ts'
import { checkId } from '../check-id.ts'
import type { Context } from '../context.ts'
import { ADMIN_PROFILE_ID, type UserId } from '../ids.ts'
import type { Instant, RecordInfo } from '../record.ts'
import { startProfile, startRole } from './prepare-store.ts'

/**
 * Gives the rights back where nobody can administer any more: role `admin` grants everything, profile `admin` holds it,
 * and whoever logs in with that username has the profile and the password: the user with that username, else the user of
 * that id, who logs in with it from now on, else a new one.
 *
 * Nothing asks for a right here: it is for who has the store itself, and no API offers it. Each write is durable by
 * itself, with an audit event `admin.recover`; repeating it is safe.
 *
 * @throws {DomainError} `id.invalid`, `user.anonymous_immutable`, `credentials.invalid`, `server.overloaded`.
 */
export async function recoverAdministrator(
  context: Context,
  caller: Caller,
  login: { readonly username: string; readonly password: string },
): Promise<User> {
  const { users } = context.storage
  const holder = await users.findCredentialsByUsername(login.username)
  // Any text may be asked for; it is checked to be an id next.
  const id = holder?.owner ?? (login.username as UserId)
  checkId('user', id)
  refuseAnonymous(id)
  const credentials = await hashCredentials(context, id, login)
  await recoverRole(context, caller)
  await recoverProfile(context, caller)
  if ((await users.find(id)) === undefined) return createAdministrator(context, caller, credentials)
  await putCredentials(context, caller, credentials)
  return promote(context, caller, id)
}

const ACTION = 'admin.recover'
const ROLE_ID = defaultRoleId('admin')
const PROFILE_ID = defaultProfileId('admin')

async function recoverRole(context: Context, by: Caller): Promise<void> {
  const { access } = context.storage
  const now = context.clock.now()
  const before = await access.findRole(ROLE_ID)
  const fresh = startRole(STANDARD_RIGHTS, 'admin', now)
  const role =
    before === undefined
      ? fresh
      : { ...before, controllers: fresh.controllers, record: changed(before.record, by, now) }
  const details = { before: before?.controllers ?? null, after: role.controllers }
  const change: Change = { by, action: ACTION, subject: `role:${ROLE_ID}`, details }
  await recordChange(context, change, (event) => access.putRole(role, 'replace', event))
}

async function recoverProfile(context: Context, by: Caller): Promise<void> {
  const { access } = context.storage
  const now = context.clock.now()
  const before = await access.findProfile(PROFILE_ID)
  const fresh = startProfile(STANDARD_RIGHTS, 'admin', now)
  const { policies, rateLimit } = fresh
  const profile =
    before === undefined ? fresh : { ...before, policies, rateLimit, record: changed(before.record, by, now) }
  const details = {
    before: before === undefined ? null : { policies: before.policies, rateLimit: before.rateLimit },
    after: { policies, rateLimit },
  }
  const change: Change = { by, action: ACTION, subject: `profile:${PROFILE_ID}`, details }
  await recordChange(context, change, (event) => access.putProfile(profile, 'replace', event))
}

async function createAdministrator(context: Context, by: Caller, credentials: Credentials): Promise<User> {
  const user: User = {
    id: credentials.owner,
    profileIds: [ADMIN_PROFILE_ID],
    content: {},
    record: { createdBy: by.user.id, createdAt: context.clock.now() },
  }
  const details = { profileIds: { before: null, after: user.profileIds }, strategies: [credentials.strategy] }
  const change: Change = { by, action: ACTION, subject: `user:${user.id}`, details }
  await recordChange(context, change, (event) => context.storage.users.create(user, [credentials], event))
  return user
}

async function putCredentials(context: Context, by: Caller, credentials: Credentials): Promise<void> {
  const { users } = context.storage
  const { owner, username, passwordHash, strategy } = credentials
  const isNew = (await users.findCredentials(owner)) === undefined
  const change: Change = { by, action: ACTION, subject: `user:${owner}`, details: { strategies: [strategy] } }
  await recordChange(context, change, async (event) => {
    if (isNew) await users.createCredentials(credentials, event)
    else await users.updateCredentials(owner, { username, passwordHash }, event)
  })
}

async function promote(context: Context, by: Caller, id: UserId): Promise<User> {
  const { users } = context.storage
  const withAdmin = ({ profileIds }: User) => [...new Set([...profileIds, ADMIN_PROFILE_ID])]
  const before = await users.find(id)
  const profileIds = before && { before: before.profileIds, after: withAdmin(before) }
  const change: Change = {
    by,
    action: ACTION,
    subject: `user:${id}`,
    ...(profileIds && { details: { profileIds } }),
  }
  return recordChange(context, change, (event) =>
    users.update(
      id,
      (user) => ({ ...user, profileIds: withAdmin(user), record: changed(user.record, by, event.at) }),
      event,
    ),
  )
}

function changed(record: RecordInfo, { user }: Caller, at: Instant): RecordInfo {
  return { ...record, updatedBy: user.id, updatedAt: at }
}
