import { recordChange } from '../audit/record-change.ts'
import type { Context } from '../context.ts'
import { DomainError } from '../errors.ts'
import type { ProfileId, UserId } from '../ids.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../json.ts'
import type { CredentialsByStrategy } from '../key-authority.ts'
import { refuseAnonymous } from './anonymous-user.ts'
import type { Caller } from './caller.ts'
import { checkProfileIds, createUser } from './create-user.ts'
import type { User } from './user.ts'

/**
 * Merges `content` into the user's own members, objects member by member, everything else as a whole; `profileIds`
 * replaces when given.
 *
 * @throws {DomainError} `user.not_found`, `user.anonymous_immutable`, `user.no_profile`, `profile.not_found`.
 */
export function updateUser(
  context: Context,
  caller: Caller,
  change: {
    readonly id: UserId
    readonly content: JsonObject
    readonly profileIds?: readonly ProfileId[]
  },
): Promise<User> {
  return changeUser(context, caller, {
    id: change.id,
    action: 'user.update',
    profileIds: change.profileIds,
    content: (old) => mergeContent(old, change.content),
  })
}

/** Replaces content and profiles. @throws {DomainError} As `updateUser`. */
export function replaceUser(
  context: Context,
  caller: Caller,
  to: { readonly id: UserId; readonly content: JsonObject; readonly profileIds: readonly ProfileId[] },
): Promise<User> {
  return changeUser(context, caller, {
    id: to.id,
    action: 'user.replace',
    profileIds: to.profileIds,
    content: () => to.content,
  })
}

/** Rounds of "update it, else create it", when others create and delete the same user all the time. */
const UPSERT_TRIES_MAX = 3

/** Updates the user, or creates it from `{...defaults, ...content}`. @throws {DomainError} As both. */
export async function upsertUser(
  context: Context,
  caller: Caller,
  change: {
    readonly id: UserId
    readonly content: JsonObject
    readonly profileIds: readonly ProfileId[]
    readonly defaults: JsonObject
    readonly credentials: CredentialsByStrategy
  },
): Promise<User> {
  const { id, profileIds, credentials } = change
  const fresh = { id, idKind: 'human', profileIds, credentials } as const
  for (let tries = UPSERT_TRIES_MAX; ; tries--) {
    try {
      return await updateUser(context, caller, { id, profileIds, content: change.content })
    } catch (error) {
      if (!hasCode(error, 'user.not_found')) throw error
    }
    try {
      const content = { ...change.defaults, ...change.content }
      return await createUser(context, caller, { ...fresh, content })
    } catch (error) {
      if (tries <= 1 || !hasCode(error, 'user.already_exists')) throw error
    }
  }
}

/** Objects are merged member by member; arrays and everything else are replaced. As a partial update of Elasticsearch. */
export function mergeContent(old: JsonObject, change: JsonObject): JsonObject {
  const merged = Object.entries(change).map(([name, value]): [string, JsonValue] => {
    const before = Object.hasOwn(old, name) ? old[name] : undefined
    return [name, isJsonObject(before) && isJsonObject(value) ? mergeContent(before, value) : value]
  })
  return { ...old, ...Object.fromEntries(merged) }
}

function hasCode(error: unknown, code: DomainError['code']): boolean {
  return error instanceof DomainError && error.code === code
}

async function changeUser(
  context: Context,
  caller: Caller,
  change: {
    readonly id: UserId
    readonly action: 'user.update' | 'user.replace'
    readonly profileIds: readonly ProfileId[] | undefined
    readonly content: (old: JsonObject) => JsonObject
  },
): Promise<User> {
  const { id } = change
  refuseAnonymous(id)
  const profileIds = change.profileIds && checkProfileIds(id, change.profileIds)
  const before = await context.storage.users.find(id)
  const rights = profileIds && { before: before?.profileIds ?? null, after: profileIds }
  return recordChange(
    context,
    {
      by: caller,
      action: change.action,
      subject: `user:${id}`,
      ...(rights !== undefined && { details: { profileIds: rights } }),
    },
    (event) =>
      context.storage.users.update(
        id,
        (user) => ({
          ...user,
          ...(profileIds !== undefined && { profileIds }),
          content: change.content(user.content),
          record: { ...user.record, updatedBy: caller.user.id, updatedAt: event.at },
        }),
        event,
      ),
  )
}
