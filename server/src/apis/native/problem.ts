import type { ErrorCode } from '../../core/errors.ts'
import type { QueryErrorCode } from '../../query/query-error.ts'

/** Every way in which a request under `/v1` can fail, as `code` of a problem document (RFC 9457). Stable. */
export type ProblemCode = HttpProblemCode | ErrorCode | `query.${QueryErrorCode}`

/** What only this API finds out; the rest is the core's and the query languages'. */
type HttpProblemCode =
  | 'request.invalid'
  | 'request.malformed_body'
  | 'request.not_found'
  | 'request.method_not_allowed'
  | 'request.not_acceptable'
  | 'request.too_large'
  | 'request.unsupported_media_type'
  | 'request.unsupported_encoding'
  | 'request.origin_forbidden'
  | 'token.missing'
  | 'token.forbidden'
  | 'token.unproven'
  | 'permissions.unreadable'
  | 'token.rate_limited'
  | 'token.usage_exceeded'
  | 'leaks.signature_invalid'
  | 'leaks.keys_unavailable'
  | 'idempotency.in_progress'
  | 'idempotency.mismatch'
  | 'role.profile_differs'
  | 'server.shutting_down'
  | 'server.internal'

/** One thing that is wrong with a request. */
export type InputError = {
  /** JSON pointer into the body, such as `/limits/0/window`; the whole body is the empty text. */
  readonly pointer?: string
  /** Name of the query parameter, header, form field or part of the path, when it is not the body. */
  readonly parameter?: string
  readonly detail: string
  /** The known name that a misspelt one probably means. */
  readonly suggestion?: string
}

/** A refusal in the words of this API. */
export class Problem extends Error {
  override readonly name = 'Problem'
  readonly code: ProblemCode
  readonly errors: readonly InputError[]
  readonly headers: Readonly<Record<string, string>>

  /** `detail` is shown to the client. */
  constructor(
    code: ProblemCode,
    detail: string,
    more: {
      readonly errors?: readonly InputError[]
      readonly headers?: Readonly<Record<string, string>>
      readonly cause?: unknown
    } = {},
  ) {
    super(detail, more.cause === undefined ? undefined : { cause: more.cause })
    this.code = code
    this.errors = more.errors ?? []
    this.headers = more.headers ?? {}
  }
}

/** A request of which one named part is wrong. */
export function invalid(parameter: string, detail: string): Problem {
  return new Problem('request.invalid', `Cannot read the request: ${parameter}: ${detail}`, {
    errors: [{ parameter, detail }],
  })
}

/** Status and title of every problem. Total, so that a new code of the core does not compile until it has its own. */
export const PROBLEMS: Readonly<Record<ProblemCode, { readonly status: number; readonly title: string }>> = {
  'request.invalid': { status: 400, title: 'The request does not have the form that this route wants' },
  'request.malformed_body': { status: 400, title: 'The body cannot be read' },
  'request.not_found': { status: 404, title: 'There is no such route' },
  'request.method_not_allowed': { status: 405, title: 'The route does not have this method' },
  'request.not_acceptable': { status: 406, title: 'None of the accepted media types can be answered' },
  'request.too_large': { status: 413, title: 'The body is too large' },
  'request.unsupported_media_type': { status: 415, title: 'The body is of an unsupported media type' },
  'request.unsupported_encoding': { status: 415, title: 'The body is encoded in an unsupported way' },
  'request.origin_forbidden': { status: 403, title: 'The website may not call this server' },
  'request.too_many': { status: 429, title: 'The user asks too often' },

  'token.missing': { status: 401, title: 'The request shows no token' },
  'token.invalid': { status: 401, title: 'The token is not good' },
  'token.forbidden': { status: 403, title: 'The key may not be used from here, now, or without a proof' },
  'token.unproven': {
    status: 401,
    title: 'The request does not prove that the client holds what the key is bound to',
  },
  'token.rate_limited': { status: 429, title: 'The key is used too often' },
  'token.usage_exceeded': { status: 429, title: 'The key has no credits left' },
  'permissions.unreadable': { status: 403, title: 'The required permissions cannot be read' },
  'right.missing': { status: 403, title: 'The caller may not do this' },

  'login.failed': { status: 401, title: 'Wrong username or password' },
  'login.too_many': { status: 429, title: 'Too many attempts to log in' },
  'session.refresh_forbidden': { status: 403, title: 'The session cannot be exchanged' },
  'session.ttl_exceeded': { status: 400, title: 'The session would live too long' },
  'session.ttl_infinite': { status: 400, title: 'The session must end at some time' },
  'session.ttl_invalid': { status: 400, title: 'The length of life of the session cannot be used' },

  'key.id_taken': { status: 409, title: 'There is a key of that id' },
  'key.not_found': { status: 404, title: 'There is no such key' },
  'key.revoked': { status: 409, title: 'The key is revoked' },
  'key.not_revoked': { status: 409, title: 'The key is not revoked' },
  'key.owner_full': { status: 409, title: 'The owner has as many keys as it may have' },
  'key.outlives_issuer': { status: 403, title: 'The key would outlive the key that issues it' },
  'key.issuing_forbidden': { status: 403, title: 'The key that was shown may not issue keys' },
  'key.ttl_exceeded': { status: 400, title: 'The key would live too long' },
  'key.ttl_invalid': { status: 400, title: 'The length of life of the key cannot be used' },
  'key.policy_forbidden': { status: 403, title: 'The caller may not change what binds the key' },
  'key.restore_too_late': { status: 409, title: 'The key was revoked too long ago to be restored' },
  'key.rotating': { status: 409, title: 'The key cannot be rotated now' },
  'key.rotation_invalid': { status: 400, title: 'The rotation cannot be done as asked' },
  'keyspace.unknown': { status: 400, title: 'There is no such keyspace' },
  'policy.invalid': { status: 400, title: 'What shall narrow the key cannot be used' },
  'metadata.invalid': { status: 400, title: 'The metadata cannot be used' },
  'id.invalid': { status: 400, title: 'The id cannot be used' },

  'admin.exists': { status: 409, title: 'There is an administrator already' },
  'user.already_exists': { status: 409, title: 'There is an owner of that id' },
  'user.not_found': { status: 404, title: 'There is no such owner' },
  'user.no_profile': { status: 400, title: 'An owner must have a role' },
  'user.anonymous_immutable': { status: 403, title: 'The anonymous owner cannot be changed' },
  'user.overwrite_forbidden': { status: 409, title: 'The owner exists and must not be overwritten' },
  'credentials.unknown_strategy': { status: 400, title: 'There is no such way to log in' },
  'credentials.invalid': { status: 400, title: 'The credentials cannot be used' },
  'credentials.username_taken': { status: 409, title: 'The username is taken' },
  'credentials.already_exist': { status: 409, title: 'The owner has credentials already' },
  'credentials.not_found': { status: 404, title: 'The owner has no credentials' },
  'credentials.orphaned': { status: 409, title: 'There are credentials of an owner that does not exist' },

  'role.already_exists': { status: 409, title: 'There is a role of that id' },
  'role.not_found': { status: 404, title: 'There is no such role' },
  'role.protected': { status: 409, title: 'The role is protected' },
  'role.in_use': { status: 409, title: 'The role is in use' },
  'role.login_required': { status: 400, title: 'Strangers must be able to log in' },
  'role.invalid': { status: 400, title: 'The role cannot be used' },
  'role.unknown_controller': { status: 400, title: 'A permission names a controller that does not exist' },
  'role.unknown_action': { status: 400, title: 'A permission names an action that does not exist' },
  'role.profile_differs': { status: 409, title: 'The profile of that id holds other roles' },
  'profile.already_exists': { status: 409, title: 'There is a profile of that id' },
  'profile.not_found': { status: 404, title: 'There is no such role' },
  'profile.protected': { status: 409, title: 'The role is protected' },
  'profile.in_use': { status: 409, title: 'An owner has the role' },
  'profile.anonymous_role_required': { status: 400, title: 'Strangers must have the role "anonymous"' },
  'profile.invalid': { status: 400, title: 'The profile cannot be used' },

  'mapping.invalid': { status: 400, title: 'The searchable fields cannot be used' },
  'scroll.not_found': { status: 404, title: 'There is no such scroll' },
  'scroll.too_long': { status: 400, title: 'The scroll would live too long' },
  'scroll.too_many': { status: 503, title: 'Too many scrolls are open' },

  'query.unknown_clause': { status: 400, title: 'The query has a clause that does not exist' },
  'query.malformed': { status: 400, title: 'The query is malformed' },
  'query.forbidden_keyword': { status: 400, title: 'The query asks for what is never answered here' },
  'query.forbidden_search_key': { status: 400, title: 'The search has a member that it may not have' },
  'query.invalid_type': { status: 400, title: 'The query is of the wrong type' },
  'query.koncorde_syntax': { status: 400, title: 'The Koncorde filter is malformed' },
  'query.koncorde_translation': { status: 400, title: 'The Koncorde filter cannot be used to search' },
  'query.koncorde_restricted': { status: 400, title: 'Searches do not support this part of Koncorde' },
  'query.too_expensive': { status: 400, title: 'The query would take too much work' },

  'leaks.signature_invalid': { status: 403, title: 'The report is not signed as it must be' },
  'leaks.keys_unavailable': { status: 503, title: 'The keys that sign reports cannot be fetched' },

  'idempotency.in_progress': { status: 409, title: 'A request of that idempotency key still runs' },
  'idempotency.mismatch': { status: 422, title: 'The idempotency key was used for another request' },

  'server.overloaded': { status: 503, title: 'The server has too much to do' },
  'server.shutting_down': { status: 503, title: 'The server is shutting down' },
  'server.internal': { status: 500, title: 'The server made a mistake' },
  'storage.unavailable': { status: 503, title: 'The storage cannot be used for now' },
}
