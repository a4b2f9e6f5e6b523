import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { HttpRequest } from '../transports/http/http-message.ts'
import { isPublicPath, publicPartOf } from './public-paths.ts'

function requestOf(path: string): HttpRequest {
  return {
    method: 'GET',
    path,
    query: '',
    headers: {},
    address: '192.0.2.7',
    local: false,
    id: 'request-1',
    isGone: false,
    stream: () => assert.fail('nothing is read'),
    readBody: () => assert.fail('nothing is read'),
  }
}

test('services and holders of keys are answered on the listener for everybody', () => {
  const paths = [
    '/v1/verify',
    '/v1/verify/batch',
    '/v1/authorize',
    '/v1/authorize/any/path',
    '/v1/introspect',
    '/v1/revoke',
    '/v1/whoami',
    '/v1/whoami/revoke',
    '/.well-known/oauth-protected-resource',
    '/.well-known/oauth-protected-resource/lk',
    '/livez',
    '/readyz',
    '/gateway/sandbox/auth/api/v1/pre',
  ]
  assert.deepEqual(
    paths.filter((path) => !isPublicPath(path, 'gateway')),
    [],
  )
})

test('nothing that manages anything is, however it is written', () => {
  const paths = [
    '/',
    '/_login/local',
    '/_createFirstAdmin/admin',
    '/users/a/api-keys/_create',
    '/_query',
    '/metrics',
    '/v1',
    '/v1/',
    '/v1/keys',
    '/v1/keys/bulk',
    '/v1/login',
    '/v1/first-admin',
    '/v1/owners/a',
    '/v1/roles/a',
    '/v1/openapi.json',
    '/v1/verify/',
    '/v1/verify/../keys',
    '/v1/verify/batch/x',
    '/v1/whoami/x',
    '/V1/verify',
    '//v1/verify',
  ]
  assert.deepEqual(
    paths.filter((path) => isPublicPath(path, 'gateway')),
    [],
  )
})

test('other paths answer 404 without asking the API', async () => {
  const answered = { status: 200, headers: {}, body: '' }
  const api = publicPartOf(
    { handler: () => answered, overloaded: () => ({ ...answered, status: 503 }) },
    'gateway',
  )
  assert.equal((await api.handler(requestOf('/v1/verify'))).status, 200)
  assert.equal(api.overloaded(requestOf('/v1/verify')).status, 503)
  for (const reply of [await api.handler(requestOf('/v1/keys')), api.overloaded(requestOf('/v1/keys'))]) {
    assert.equal(reply.status, 404)
    assert.equal(JSON.parse(String(reply.body)).instance, 'urn:latchkey:request:request-1')
  }
})
