import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { HttpReply, HttpRequest } from '../transports/http/http-message.ts'
import { type RoutedApi, routeRequests } from './route-requests.ts'

function api(name: string): RoutedApi {
  const reply = (body: string): HttpReply => ({ status: 200, headers: {}, body })
  return { handler: () => reply(name), overloaded: () => reply(`${name} overloaded`) }
}

function requestTo(path: string): HttpRequest {
  const none = { method: 'GET', query: '', headers: {}, address: '', local: true, id: 'r', isGone: false }
  const stream = () => {
    throw new Error('nothing is read')
  }
  return { ...none, path, stream, readBody: async () => ({ ok: true, bytes: new Uint8Array() }) }
}

const all = {
  kuzzle: api('kuzzle'),
  native: api('native'),
  forwardAuth: api('forward-auth'),
  operations: api('operations'),
}

test('every path belongs to one API, also when there is no room for the request', async () => {
  const places: [string, string][] = [
    ['/v1', 'native'],
    ['/v1/keys', 'native'],
    ['/v1/authorizers', 'native'],
    ['/.well-known/oauth-protected-resource', 'native'],
    ['/.well-known/oauth-protected-resource/lk', 'native'],
    ['/v1/authorize', 'forward-auth'],
    ['/v1/authorize/original/path', 'forward-auth'],
    ['/metrics', 'operations'],
    ['/livez', 'operations'],
    ['/readyz', 'operations'],
    ['/', 'kuzzle'],
    ['/v1x', 'kuzzle'],
    ['/v10/keys', 'kuzzle'],
    ['/%761/keys', 'kuzzle'],
    ['//v1/keys', 'kuzzle'],
    ['/users/x/_create', 'kuzzle'],
    ['/metrics/x', 'kuzzle'],
  ]
  const routed = routeRequests(all)
  for (const [path, name] of places) {
    assert.equal((await routed.handler(requestTo(path))).body, name, path)
    assert.equal(routed.overloaded(requestTo(path)).body, `${name} overloaded`, path)
  }
})

test('paths of an API that is absent belong to the one around it', async () => {
  const routed = routeRequests({ kuzzle: all.kuzzle, native: all.native })
  assert.equal((await routed.handler(requestTo('/v1/authorize'))).body, 'native')
  assert.equal((await routed.handler(requestTo('/metrics'))).body, 'kuzzle')
})
