import assert from 'node:assert/strict'
import { test } from 'node:test'
import { oauthErrorOf } from './oauth-error.ts'
import { PROBLEMS, Problem, type ProblemCode } from './problem.ts'

test('every problem has a name that OAuth knows', () => {
  const known = [
    'insufficient_scope',
    'invalid_client',
    'invalid_request',
    'invalid_token',
    'server_error',
    'temporarily_unavailable',
    'unauthorized_client',
  ]
  const codes = Object.keys(PROBLEMS) as ProblemCode[]
  const names = new Set(codes.map((code) => oauthErrorOf(new Problem(code, 'x')).error))
  assert.deepEqual([...names].sort(), known)
})

test('a description has only characters that RFC 6749 section 5.2 lets it have', () => {
  const { error_description: text } = oauthErrorOf(new Problem('request.invalid', 'Not "a\\b"\né'))
  assert.equal(text, "Not 'a?b'??")
})
