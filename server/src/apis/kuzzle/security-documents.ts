import type { Profile } from '../../core/access/profile.ts'
import type { Role } from '../../core/access/role.ts'
import type { User } from '../../core/access/user.ts'
import { ANONYMOUS_ID } from '../../core/ids.ts'
import type { RecordInfo } from '../../core/record.ts'

/** A stored thing as Kuzzle's clients see it. */
export type KuzzleDocument = {
  readonly _id: string
  readonly _source: Readonly<Record<string, unknown>>
}

/** Who made a thing and when, as Kuzzle's `_kuzzle_info`: times in ms since the epoch, null while never updated. */
export function recordMetadata(record: RecordInfo): Readonly<Record<string, unknown>> {
  return {
    author: record.createdBy,
    createdAt: record.createdAt,
    updatedAt: record.updatedAt ?? null,
    updater: record.updatedBy ?? null,
  }
}

/** A user as `{profileIds, ...content, _kuzzle_info}`. The anonymous user is stored nowhere and has no metadata. */
export function userDocument(user: User): KuzzleDocument {
  const source = { ...user.content, profileIds: user.profileIds }
  return {
    _id: user.id,
    _source: user.id === ANONYMOUS_ID ? source : { ...source, _kuzzle_info: recordMetadata(user.record) },
  }
}

/** A role as `{controllers, tags?, ...content, _kuzzle_info}`. */
export function roleDocument(role: Role): KuzzleDocument {
  return {
    _id: role.id,
    _source: {
      ...role.content,
      controllers: role.controllers,
      ...(role.tags === undefined ? {} : { tags: role.tags }),
      _kuzzle_info: recordMetadata(role.record),
    },
  }
}

/**
 * A profile as `{policies, rateLimit, tags?, ...content, _kuzzle_info}`.
 *
 * Kuzzle also shows `optimizedPolicies`, a cache of its own that no client uses; it is left out.
 */
export function profileDocument(profile: Profile): KuzzleDocument {
  return {
    _id: profile.id,
    _source: {
      ...profile.content,
      policies: profile.policies,
      rateLimit: profile.rateLimit,
      ...(profile.tags === undefined ? {} : { tags: profile.tags }),
      _kuzzle_info: recordMetadata(profile.record),
    },
  }
}
