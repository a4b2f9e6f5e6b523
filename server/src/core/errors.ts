/**
 * Every way in which a use case can refuse, as a code that each API translates.
 *
 * A caller's mistake is a `DomainError`; a broken promise of ours is an assertion and never one of these.
 */
export type ErrorCode =
  | 'admin.exists'
  | 'id.invalid'
  | 'key.id_taken'
  | 'key.not_found'
  | 'key.revoked'
  | 'key.not_revoked'
  | 'key.owner_full'
  | 'key.outlives_issuer'
  | 'key.issuing_forbidden'
  | 'key.ttl_exceeded'
  | 'key.ttl_invalid'
  | 'key.policy_forbidden'
  | 'key.restore_too_late'
  | 'key.rotating'
  | 'key.rotation_invalid'
  | 'keyspace.unknown'
  | 'policy.invalid'
  | 'metadata.invalid'
  | 'right.missing'
  | 'session.refresh_forbidden'
  | 'session.ttl_exceeded'
  | 'session.ttl_infinite'
  | 'session.ttl_invalid'
  | 'token.invalid'
  | 'login.failed'
  | 'login.too_many'
  | 'user.already_exists'
  | 'user.not_found'
  | 'user.no_profile'
  | 'user.anonymous_immutable'
  | 'user.overwrite_forbidden'
  | 'credentials.unknown_strategy'
  | 'credentials.invalid'
  | 'credentials.username_taken'
  | 'credentials.already_exist'
  | 'credentials.not_found'
  | 'credentials.orphaned'
  | 'profile.already_exists'
  | 'profile.not_found'
  | 'profile.protected'
  | 'profile.in_use'
  | 'profile.anonymous_role_required'
  | 'profile.invalid'
  | 'role.already_exists'
  | 'role.not_found'
  | 'role.protected'
  | 'role.in_use'
  | 'role.login_required'
  | 'role.invalid'
  | 'role.unknown_controller'
  | 'role.unknown_action'
  | 'mapping.invalid'
  | 'scroll.not_found'
  | 'scroll.too_long'
  | 'scroll.too_many'
  | 'request.too_many'
  | 'server.overloaded'
  | 'storage.unavailable'

/** Facts of an error that an API may put into its own message, such as `{ id: 'k1' }`. Never a secret. */
export type ErrorFacts = Readonly<Record<string, unknown>>

/**
 * A caller's mistake, or a state that forbids what was asked.
 *
 * `message` says what was tried, on what, and the present state; `facts` hold the same values by name, so that
 * an API can fill a template of its own.
 */
export class DomainError extends Error {
  override readonly name = 'DomainError'
  readonly code: ErrorCode
  readonly facts: ErrorFacts

  constructor(code: ErrorCode, message: string, facts: ErrorFacts = {}, options?: ErrorOptions) {
    super(message, options)
    this.code = code
    this.facts = facts
  }
}
