import type { ProfileId } from '../../core/ids.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../../core/json.ts'
import type { CredentialsByStrategy } from '../../core/key-authority.ts'
import { fail } from './kuzzle-errors.ts'
import { parseProfileId } from './security-ids.ts'

/** A user's members as a client gives them: its profiles apart from what is the user's own. */
export type UserShape = {
  readonly content: JsonObject
  /** Absent when the client gave none. */
  readonly profileIds?: readonly ProfileId[]
}

/**
 * Reads a user's members; `name` is where they are in the request (`body.content`).
 *
 * @throws {KuzzleError} `api.assert.invalid_type` for `<name>.profileIds`.
 */
export function parseUser(name: string, members: JsonObject): UserShape {
  const content = ownMembers(members)
  const profileIds = members['profileIds']
  if (profileIds === undefined) return { content }
  return { content, profileIds: parseProfileIds(`${name}.profileIds`, profileIds) }
}

/** As `parseUser`, for a user that must name its profiles. @throws {KuzzleError} `api.assert.missing_argument` */
export function parseUserWithProfiles(name: string, members: JsonObject): Required<UserShape> {
  const { content, profileIds } = parseUser(name, members)
  return { content, profileIds: profileIds ?? fail('api.assert.missing_argument', `${name}.profileIds`) }
}

/** As `parseUser`, for a user whose profiles are not the client's to choose. @throws {KuzzleError} `api.assert.forbidden_argument` */
export function parseUserWithoutProfiles(name: string, members: JsonObject): JsonObject {
  if (members['profileIds'] === undefined) return ownMembers(members)
  return fail('api.assert.forbidden_argument', `${name}.profileIds`)
}

/** A user's members without its profiles and record metadata. */
export function ownMembers(members: JsonObject): JsonObject {
  const { profileIds, _kuzzle_info, ...content } = members
  return content
}

/** Reads `{<strategy>: {...}}`. @throws {KuzzleError} `api.assert.invalid_type` for `<name>.<strategy>`. */
export function parseCredentials(name: string, credentials: JsonObject): CredentialsByStrategy {
  return Object.fromEntries(
    Object.entries(credentials).map(([strategy, body]) => [
      strategy,
      isJsonObject(body) ? body : fail('api.assert.invalid_type', `${name}.${strategy}`, 'object'),
    ]),
  )
}

function parseProfileIds(name: string, ids: JsonValue): readonly ProfileId[] {
  if (!Array.isArray(ids)) return fail('api.assert.invalid_type', name, 'array')
  return ids.map((id) =>
    typeof id === 'string' ? parseProfileId(id) : fail('api.assert.invalid_type', name, 'string[]'),
  )
}
