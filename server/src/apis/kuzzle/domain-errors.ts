import { DomainError, type ErrorCode } from '../../core/errors.ts'
import type { RefusalReason } from '../../core/keys/verdict.ts'
import { QueryError, type QueryErrorCode } from '../../query/query-error.ts'
import { KuzzleError, type KuzzleErrorId } from './kuzzle-errors.ts'

/** A refusal of the core in Kuzzle's words. */
export function toKuzzleError(error: DomainError): KuzzleError {
  return TRANSLATIONS[error.code]((name) => printFact(error.facts[name]), error)
}

/** Anything thrown on purpose in Kuzzle's words; undefined for a broken promise of ours. */
export function asKuzzleError(error: unknown): KuzzleError | undefined {
  if (error instanceof KuzzleError) return error
  if (error instanceof DomainError) return toKuzzleError(error)
  return error instanceof QueryError ? QUERY_TRANSLATIONS[error.code](error) : undefined
}

type Fact = (name: string) => string

type Translation = (fact: Fact, error: DomainError) => KuzzleError

/** The error of that kind, with the named facts as its values. */
function as(id: KuzzleErrorId, ...facts: readonly string[]): Translation {
  return (fact) => new KuzzleError(id, facts.map(fact))
}

/** An error without `id`, as the `local` strategy of Kuzzle makes them. */
function plainly(status: number, message: (fact: Fact) => string): Translation {
  return (fact) => new KuzzleError({ status, message: message(fact) })
}

const EXPIRES_IN = ['expiresIn', 'a number of milliseconds, or a parsable timespan string'] as const

const TRANSLATIONS: Readonly<Record<ErrorCode, Translation>> = {
  'admin.exists': as('api.process.admin_exists'),
  'id.invalid': invalidId,

  'key.id_taken': as('services.storage.document_already_exists'),
  'key.not_found': keyNotFound,
  'key.revoked': keyNotFound,
  'key.not_revoked': keyNotFound,
  'key.owner_full': as('security.apikey.limit_reached', 'owner'),
  'key.outlives_issuer': as('security.apikey.outlives_issuer'),
  'key.issuing_forbidden': as('security.apikey.issuing_forbidden'),
  'key.ttl_exceeded': as('security.token.ttl_exceeded'),
  'key.ttl_invalid': () => new KuzzleError('api.assert.invalid_argument', EXPIRES_IN),
  'key.policy_forbidden': as('security.apikey.policy_forbidden'),
  'key.restore_too_late': keyNotFound,
  'key.rotating': as('security.apikey.rotating', 'id'),
  'key.rotation_invalid': invalidMember,
  'keyspace.unknown': () =>
    new KuzzleError('api.assert.invalid_argument', ['keyspace', 'the name of a keyspace']),
  'policy.invalid': invalidMember,
  'metadata.invalid': (fact) => new KuzzleError('api.assert.invalid_argument', ['metadata', fact('problem')]),
  'right.missing': rightMissing,

  'session.refresh_forbidden': (fact) =>
    new KuzzleError('security.token.refresh_forbidden', [
      fact('kind') === 'key' ? 'API Key' : 'Token with infinite TTL',
    ]),
  'session.ttl_exceeded': as('security.token.ttl_exceeded'),
  'session.ttl_infinite': () =>
    new KuzzleError('security.token.invalid_expiration', ['expiresIn cannot be infinite']),
  'session.ttl_invalid': () => new KuzzleError('api.assert.invalid_argument', EXPIRES_IN),
  'token.invalid': as('security.token.invalid'),
  'login.failed': (_fact, { facts }) =>
    new KuzzleError('plugin.strategy.missing_user', [
      facts['missing'] === true ? 'Missing credentials' : 'wrong username or password',
    ]),
  'login.too_many': as('api.process.too_many_logins_requests'),

  'user.already_exists': as('security.user.already_exists', 'id'),
  'user.not_found': as('security.user.not_found', 'id'),
  'user.no_profile': as('security.user.no_profile', 'id'),
  'user.anonymous_immutable': () =>
    new KuzzleError('api.assert.invalid_argument', ['_id', 'a user other than the anonymous one']),
  'user.overwrite_forbidden': as('security.user.prevent_overwrite'),

  'credentials.unknown_strategy': as('security.credentials.unknown_strategy', 'strategy'),
  'credentials.invalid': invalidCredentials,
  'credentials.username_taken': plainly(412, (fact) => `Login "${fact('username')}" is already used.`),
  'credentials.already_exist': plainly(
    412,
    (fact) => `A strategy already exists for user "${fact('owner')}".`,
  ),
  'credentials.not_found': plainly(412, (fact) => `No credentials found for user "${fact('owner')}".`),
  'credentials.orphaned': as('security.credentials.database_inconsistency', 'owner'),

  'profile.already_exists': as('services.storage.document_already_exists'),
  'profile.not_found': as('security.profile.not_found', 'id'),
  'profile.protected': as('security.profile.cannot_delete'),
  'profile.in_use': as('security.profile.in_use', 'id'),
  'profile.anonymous_role_required': as('security.profile.missing_anonymous_role'),
  'profile.invalid': invalidShape,
  'role.already_exists': as('services.storage.document_already_exists'),
  'role.not_found': as('security.role.not_found', 'id'),
  'role.protected': as('security.role.cannot_delete'),
  'role.in_use': as('security.role.in_use', 'id'),
  'role.login_required': as('security.role.login_required'),
  'role.invalid': invalidShape,
  'role.unknown_controller': (fact) =>
    new KuzzleError('security.role.unknown_controller', [fact('id'), fact('controller'), hint(fact)]),
  'role.unknown_action': (fact) =>
    new KuzzleError('security.role.unknown_action', [
      fact('id'),
      fact('action'),
      fact('controller'),
      hint(fact),
    ]),

  'mapping.invalid': (_fact, { message }) =>
    new KuzzleError('services.storage.unexpected_bad_request', [message]),
  'scroll.not_found': as('services.storage.unknown_scroll_id'),
  'scroll.too_long': as('services.storage.scroll_duration_too_great', 'duration'),
  'scroll.too_many': as('api.process.overloaded'),
  'request.too_many': as('api.process.too_many_requests'),
  'server.overloaded': as('api.process.overloaded'),
  'storage.unavailable': as('services.storage.unavailable'),
}

type QueryTranslation = (error: QueryError) => KuzzleError

const QUERY_TRANSLATIONS: Readonly<Record<QueryErrorCode, QueryTranslation>> = {
  unknown_clause: ({ subject, message }) =>
    new KuzzleError('services.storage.unknown_query_keyword', [subject ?? message]),
  malformed: ({ message }) => new KuzzleError('services.storage.unexpected_bad_request', [message]),
  forbidden_keyword: ({ subject, message }) =>
    new KuzzleError('services.storage.invalid_query_keyword', [subject ?? message]),
  forbidden_search_key: ({ subject, message }) =>
    new KuzzleError('services.storage.invalid_search_query', [subject ?? message]),
  invalid_type: ({ subject, expected }) =>
    new KuzzleError('api.assert.invalid_type', [subject ?? 'body.query', expected ?? 'object']),
  koncorde_syntax: ({ message }) => new KuzzleError('api.assert.koncorde_dsl_error', [message]),
  koncorde_translation: ({ message }) =>
    new KuzzleError('services.koncorde.elastic_translation_error', [message]),
  koncorde_restricted: ({ subject, subjectKind, message }) =>
    new KuzzleError('api.assert.koncorde_restricted_keyword', [
      subjectKind ?? 'operator',
      subject ?? message,
    ]),
  too_expensive: ({ message }) => new KuzzleError('services.storage.unexpected_bad_request', [message]),
}

function keyNotFound(fact: Fact): KuzzleError {
  return new KuzzleError('services.storage.not_found', [fact('id'), 'kuzzle', 'api-keys'])
}

function invalidId(fact: Fact): KuzzleError {
  if (fact('problem') === 'reserved') return new KuzzleError('services.storage.search_as_an_id')
  const wanted = fact('problem') === 'token' ? 'an id that is no token' : 'valid text of at most 512 bytes'
  return new KuzzleError('api.assert.invalid_argument', ['_id', wanted])
}

function invalidMember(fact: Fact): KuzzleError {
  return new KuzzleError('api.assert.invalid_argument', [fact('member'), fact('problem')])
}

function rightMissing(fact: Fact): KuzzleError {
  const [controller = '', action = ''] = fact('right').split(':')
  return new KuzzleError('security.rights.forbidden', [controller, action, fact('user')])
}

/**
 * The error of a request whose token was refused: clients of this API cannot tell a key that ended from one that never
 * was, but they are told when it is worth while to try again. `insufficient` cannot happen here, because each right is
 * asked for by itself.
 */
export const REFUSED_TOKENS: Readonly<Record<RefusalReason, KuzzleErrorId>> = {
  malformed: 'security.token.invalid',
  unknown: 'security.token.invalid',
  revoked: 'security.token.invalid',
  disabled: 'security.token.invalid',
  expired: 'security.token.invalid',
  forbidden: 'security.token.invalid',
  insufficient: 'security.token.invalid',
  rate_limited: 'api.process.too_many_requests',
  usage_exceeded: 'api.process.too_many_requests',
}

const CREDENTIALS_PROBLEMS: ReadonlyMap<string, string> = new Map([
  ['username_required', 'Username required.'],
  ['password_required', 'Password required.'],
  ['username_or_password_required', 'Missing username or password.'],
  ['owner_specified', 'kuid cannot be specified in credentials.'],
])

function invalidCredentials(fact: Fact, { message }: DomainError): KuzzleError {
  return new KuzzleError({ status: 400, message: CREDENTIALS_PROBLEMS.get(fact('problem')) ?? `${message}.` })
}

const SHAPE_PROBLEMS: ReadonlyMap<string, readonly [KuzzleErrorId, readonly string[]]> = new Map([
  ['missing_argument', ['api.assert.missing_argument', ['argument']]],
  ['empty_argument', ['api.assert.empty_argument', ['argument']]],
  ['invalid_type', ['api.assert.invalid_type', ['argument', 'expected']]],
  ['invalid_argument', ['api.assert.invalid_argument', ['argument', 'expected']]],
  ['unexpected_argument', ['api.assert.unexpected_argument', ['argument', 'accepted']]],
])

function invalidShape(fact: Fact, { message }: DomainError): KuzzleError {
  const known = SHAPE_PROBLEMS.get(fact('problem'))
  if (known === undefined) return new KuzzleError('services.storage.unexpected_bad_request', [message])
  return new KuzzleError(known[0], known[1].map(fact))
}

function hint(fact: Fact): string {
  const suggestion = fact('suggestion')
  return suggestion === '' ? '' : `Did you mean "${suggestion}"?`
}

function printFact(value: unknown): string {
  if (value === undefined || value === null) return ''
  return typeof value === 'string' ? value : JSON.stringify(value)
}
