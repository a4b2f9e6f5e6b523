import { refuseAnonymous } from '../access/anonymous-user.ts'
import type { Caller } from '../access/caller.ts'
import { checkNewCredentials, checkProfileIds, createUser } from '../access/create-user.ts'
import { removeUser } from '../access/remove-user.ts'
import { checkProfile, putProfile } from '../access/write-profile.ts'
import { checkRole, putRole } from '../access/write-role.ts'
import { recordChange } from '../audit/record-change.ts'
import { checkId } from '../check-id.ts'
import type { Context } from '../context.ts'
import { DomainError } from '../errors.ts'
import type { ProfileId, RoleId, UserId } from '../ids.ts'
import type { Securities } from '../key-authority.ts'

/** How to load. `existingUsers` says what happens to users that exist already. */
export type LoadOptions = {
  /** Accepts controllers that this server does not know. */
  readonly force: boolean
  readonly existingUsers: 'fail' | 'skip' | 'overwrite'
}

/**
 * Writes roles, then profiles, then users. Everything that can be checked beforehand is checked before anything is
 * written; what fails later (a role that does not exist, a username that is taken) leaves what was written before it.
 *
 * Overwriting a user deletes it first, with its keys and sessions.
 *
 * @throws {DomainError} `user.overwrite_forbidden` (`facts.ids`), and everything that creating roles, profiles and
 *   users throws.
 */
export async function loadSecurities(
  context: Context,
  caller: Caller,
  { securities, options }: { readonly securities: Securities; readonly options: LoadOptions },
): Promise<void> {
  const roles = Object.entries(securities.roles).map(([id, request]) => ({
    id: id as RoleId,
    request,
    names: options.force ? ('forced' as const) : ('known' as const),
  }))
  const profiles = Object.entries(securities.profiles).map(([id, request]) => ({
    id: id as ProfileId,
    request,
  }))
  const users = Object.entries(securities.users).map(([id, user]) => ({ ...user, id: id as UserId }))
  roles.forEach(checkRole)
  profiles.forEach(checkProfile)
  users.forEach(checkUser)
  const existing = await findExisting(context, users, options)

  for (const role of roles) await putRole(context, caller, { ...role, existing: 'replace' })
  for (const profile of profiles) await putProfile(context, caller, { ...profile, existing: 'replace' })
  for (const user of users) {
    if (existing.has(user.id)) {
      if (options.existingUsers === 'skip') continue
      await removeUser(context, caller, user.id)
    }
    await createUser(context, caller, { ...user, idKind: 'human' })
  }
  const details = {
    roles: Object.keys(securities.roles),
    profiles: Object.keys(securities.profiles),
    users: Object.keys(securities.users),
    existingUsers: options.existingUsers,
  }
  await recordChange(
    context,
    { by: caller, action: 'rights.load', subject: 'roles, profiles and users', details },
    (event) => context.storage.audit.append([event]),
  )
}

function checkUser({ id, profileIds, credentials }: Securities['users'][string] & { id: UserId }): void {
  checkId('user', id)
  refuseAnonymous(id)
  checkProfileIds(id, profileIds)
  checkNewCredentials(credentials)
}

async function findExisting(
  context: Context,
  users: readonly { readonly id: UserId }[],
  options: LoadOptions,
): Promise<ReadonlySet<UserId>> {
  const found = await context.storage.users.findMany(users.map(({ id }) => id))
  const ids = found.map(({ id }) => id)
  if (ids.length > 0 && options.existingUsers === 'fail') {
    throw new DomainError(
      'user.overwrite_forbidden',
      `Cannot load users: ${ids.length} of them exist already, such as "${ids[0]}"`,
      { ids },
    )
  }
  return new Set(ids)
}
