import { restrictDefaultRights } from '../administration/restrict-default-rights.ts'
import { recordChange } from '../audit/record-change.ts'
import { checkId } from '../check-id.ts'
import type { Context } from '../context.ts'
import { DomainError } from '../errors.ts'
import { ADMIN_PROFILE_ID, type ProfileId, type UserId } from '../ids.ts'
import type { CredentialsByStrategy, UserRequest } from '../key-authority.ts'
import { checkMaySetPasswords } from '../keys/keys-issuing-keys.ts'
import { adminExists } from './admin-exists.ts'
import { isAnonymous } from './anonymous-user.ts'
import type { Caller } from './caller.ts'
import type { Credentials } from './credentials.ts'
import { humanUserId, uuidUserId } from './human-names.ts'
import { checkStrategy, parseNewCredentials } from './local-credentials.ts'
import { hashCredentials } from './manage-credentials.ts'
import type { User } from './user.ts'

/** Generated ids that may turn out to be taken before the server gives up on names and takes a UUID. */
const HUMAN_NAME_TRIES_MAX = 5

/**
 * Creates a user together with its credentials, or nothing at all.
 *
 * @throws {DomainError} `id.invalid`, `user.already_exists`, `user.no_profile`, `profile.not_found`,
 *   `credentials.unknown_strategy`, `credentials.invalid`, `credentials.username_taken`, `credentials.orphaned`,
 *   `server.overloaded`; `key.issuing_forbidden` when there are credentials and the caller shows a key that is bound by a
 *   policy.
 */
export function createUser(context: Context, caller: Caller, request: UserRequest): Promise<User> {
  return storeUser(context, caller, request)
}

/** A user with the profiles of `security.restrictedProfileIds`. @throws {DomainError} As `createUser`. */
export function createRestrictedUser(
  context: Context,
  caller: Caller,
  request: Omit<UserRequest, 'profileIds'>,
): Promise<User> {
  return storeUser(context, caller, { ...request, profileIds: context.settings.restrictedProfileIds })
}

/**
 * The first user with the profile `admin`: of several that are asked for at the same time, exactly one is created.
 * With `restrictRights` the default rights become those of `security.standard`.
 *
 * @throws {DomainError} `admin.exists`, and as `createUser`.
 */
export async function createFirstAdmin(
  context: Context,
  caller: Caller,
  request: Omit<UserRequest, 'profileIds'> & { readonly restrictRights: boolean },
): Promise<User> {
  // The store decides exactly; asking first saves the work of hashing a password in vain.
  if (await adminExists(context)) {
    throw new DomainError('admin.exists', 'Cannot create the first administrator: there is one already')
  }
  const asked = { ...request, profileIds: [ADMIN_PROFILE_ID] }
  const user = await storeUser(context, caller, asked, ADMIN_PROFILE_ID)
  if (request.restrictRights) await restrictDefaultRights(context, caller)
  return user
}

/** Credentials of one user, checked but not hashed. @throws {DomainError} As `createUser`. */
export function checkNewCredentials(credentials: CredentialsByStrategy): void {
  for (const [strategy, body] of Object.entries(credentials)) {
    checkStrategy(strategy)
    parseNewCredentials(body)
  }
}

/** The profile ids without repeats. @throws {DomainError} `user.no_profile` with `facts.id`. */
export function checkProfileIds(id: UserId, profileIds: readonly ProfileId[]): readonly ProfileId[] {
  if (profileIds.length > 0) return [...new Set(profileIds)]
  throw new DomainError('user.no_profile', `Cannot store user "${id}": it must have a profile`, { id })
}

async function storeUser(
  context: Context,
  caller: Caller,
  request: UserRequest,
  onlyIfNoneHas?: ProfileId,
): Promise<User> {
  if (request.id !== undefined) {
    checkFreeId(request.id)
    return storeUserAs(context, caller, { ...request, id: request.id }, onlyIfNoneHas)
  }
  for (let tries = request.idKind === 'human' ? HUMAN_NAME_TRIES_MAX : 0; tries > 0; tries--) {
    try {
      const id = humanUserId(context.randomness)
      return await storeUserAs(context, caller, { ...request, id }, onlyIfNoneHas)
    } catch (error) {
      if (!(error instanceof DomainError && error.code === 'user.already_exists')) throw error
    }
  }
  return storeUserAs(context, caller, { ...request, id: uuidUserId(context.randomness) }, onlyIfNoneHas)
}

function checkFreeId(id: UserId): void {
  checkId('user', id)
  if (!isAnonymous(id)) return
  throw new DomainError('user.already_exists', `Cannot create user "${id}": it names the anonymous user`, {
    id,
  })
}

async function storeUserAs(
  context: Context,
  caller: Caller,
  request: UserRequest & { readonly id: UserId },
  onlyIfNoneHas: ProfileId | undefined,
): Promise<User> {
  const { id, content } = request
  checkNewCredentials(request.credentials)
  if (Object.keys(request.credentials).length > 0) checkMaySetPasswords(context.settings, caller)
  const user: User = {
    id,
    profileIds: checkProfileIds(id, request.profileIds),
    content,
    record: { createdBy: caller.user.id, createdAt: context.clock.now() },
  }
  const credentials: Credentials[] = []
  for (const body of Object.values(request.credentials)) {
    credentials.push(await hashCredentials(context, id, body))
  }
  const details = { profileIds: user.profileIds, strategies: Object.keys(request.credentials) }
  await recordChange(
    context,
    { by: caller, action: 'user.create', subject: `user:${id}`, details },
    (event) => context.storage.users.create(user, credentials, event, onlyIfNoneHas),
  )
  return user
}
