import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { DomainError, type ErrorCode, type ErrorFacts } from '../../core/errors.ts'
import { QueryError, type QueryErrorCode } from '../../query/query-error.ts'
import { asKuzzleError, toKuzzleError } from './domain-errors.ts'

const CASES: readonly (readonly [ErrorCode, ErrorFacts, number, string | undefined, string])[] = [
  [
    'key.not_found',
    { id: 'k' },
    404,
    'services.storage.not_found',
    'Document "k" not found in "kuzzle":"api-keys".',
  ],
  ['key.id_taken', {}, 400, 'services.storage.document_already_exists', 'Document already exists.'],
  ['user.not_found', { id: 'bob' }, 404, 'security.user.not_found', 'User "bob" not found.'],
  [
    'session.refresh_forbidden',
    { kind: 'key' },
    401,
    'security.token.refresh_forbidden',
    'API Key cannot be refreshed.',
  ],
  [
    'session.refresh_forbidden',
    { kind: 'infinite' },
    401,
    'security.token.refresh_forbidden',
    'Token with infinite TTL cannot be refreshed.',
  ],
  ['login.failed', { missing: false }, 401, 'plugin.strategy.missing_user', 'wrong username or password'],
  ['login.failed', { missing: true }, 401, 'plugin.strategy.missing_user', 'Missing credentials'],
  ['credentials.username_taken', { username: 'bob' }, 412, undefined, 'Login "bob" is already used.'],
  ['credentials.invalid', { problem: 'password_required' }, 400, undefined, 'Password required.'],
  ['credentials.not_found', { owner: 'bob' }, 412, undefined, 'No credentials found for user "bob".'],
  [
    'id.invalid',
    { problem: 'reserved' },
    400,
    'services.storage.search_as_an_id',
    '_search is not a valid document identifier',
  ],
  [
    'role.unknown_action',
    { id: 'r', action: 'serch', controller: 'document', suggestion: 'search' },
    400,
    'security.role.unknown_action',
    `Trying to set role r with a non-existing action 'serch' in controller 'document'. Did you mean "search"?`,
  ],
  [
    'profile.invalid',
    { problem: 'invalid_type', argument: 'p.rateLimit', expected: 'integer' },
    400,
    'api.assert.invalid_type',
    'Wrong type for argument "p.rateLimit" (expected: integer)',
  ],
]

const QUERY_CASES: Readonly<Record<QueryErrorCode, string>> = {
  unknown_clause: 'services.storage.unknown_query_keyword',
  malformed: 'services.storage.unexpected_bad_request',
  forbidden_keyword: 'services.storage.invalid_query_keyword',
  forbidden_search_key: 'services.storage.invalid_search_query',
  invalid_type: 'api.assert.invalid_type',
  koncorde_syntax: 'api.assert.koncorde_dsl_error',
  koncorde_translation: 'services.koncorde.elastic_translation_error',
  koncorde_restricted: 'api.assert.koncorde_restricted_keyword',
  too_expensive: 'services.storage.unexpected_bad_request',
}

describe('refusals of the core', () => {
  it("are told in Kuzzle's words", () => {
    for (const [code, facts, status, id, message] of CASES) {
      const error = toKuzzleError(new DomainError(code, 'ours', facts))
      assert.deepEqual([error.status, error.id, error.message], [status, id, message])
    }
  })

  it('of queries have the ids that Kuzzle gives them', () => {
    for (const [code, id] of Object.entries(QUERY_CASES)) {
      const error = asKuzzleError(new QueryError(code as QueryErrorCode, 'reason', { subject: 'foo' }))
      assert.equal(error?.id, id)
    }
  })

  it('are told from failures that nobody meant', () => {
    assert.equal(asKuzzleError(new TypeError('x')), undefined)
    assert.equal(asKuzzleError('x'), undefined)
  })
})
