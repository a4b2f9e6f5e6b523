import type { Credentials } from '../core/access/credentials.ts'
import type { Profile } from '../core/access/profile.ts'
import type { Role } from '../core/access/role.ts'
import type { User } from '../core/access/user.ts'
import type { ApiKey } from '../core/keys/api-key.ts'
import type { RecordInfo } from '../core/record.ts'

/** A record as queries see it; its members are named as in `query/fields.ts`. */
export type SearchDocument = { readonly id: string; readonly source: unknown }

/** What -1 stands for in the time fields of a key. */
const NEVER = -1

/** The document of an API key: everything that is known of it but its owner's other keys. */
export function keyDocument(key: ApiKey): SearchDocument {
  return {
    id: key.id,
    source: {
      userId: key.owner,
      description: key.description,
      expiresAt: key.expiresAt ?? NEVER,
      ttl: key.ttlMs ?? NEVER,
      fingerprint: key.fingerprint,
      hash: key.fingerprint,
      enabled: key.disabled === undefined,
      lastUsedAt: key.lastUsedAt,
      scopes: key.policy?.scopes,
      metadata: key.metadata,
      _kuzzle_info: recordDocument(key.record),
    },
  }
}

/** The document of a user. */
export function userDocument(user: User): SearchDocument {
  return {
    id: user.id,
    source: { ...user.content, profileIds: user.profileIds, _kuzzle_info: recordDocument(user.record) },
  }
}

/** The document of a profile. */
export function profileDocument(profile: Profile): SearchDocument {
  const { policies, rateLimit, tags } = profile
  return {
    id: profile.id,
    source: { ...profile.content, policies, rateLimit, tags, _kuzzle_info: recordDocument(profile.record) },
  }
}

/** The document of a role. */
export function roleDocument(role: Role): SearchDocument {
  const { controllers, tags } = role
  return {
    id: role.id,
    source: { ...role.content, controllers, tags, _kuzzle_info: recordDocument(role.record) },
  }
}

/** The document of a user's credentials, without their secret. */
export function credentialsDocument(credentials: Credentials): SearchDocument {
  return { id: credentials.owner, source: { username: credentials.username, kuid: credentials.owner } }
}

function recordDocument(record: RecordInfo): unknown {
  return {
    author: record.createdBy,
    createdAt: record.createdAt,
    updater: record.updatedBy ?? null,
    updatedAt: record.updatedAt ?? null,
  }
}
