import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Action, Route } from './action.ts'
import { createRouter, normalisePath } from './router.ts'

function action(...routes: readonly Route[]): Action {
  return { routes, run: async () => null }
}

const ROUTER = createRouter({
  auth: {
    me: action({ verb: 'GET', path: '/_me' }),
    exists: action({ verb: 'GET', path: '/credentials/:strategy/_me/_exists' }),
    search: action({ verb: 'POST', path: '/users/api-keys/_search' }),
  },
  security: {
    info: action({ verb: 'GET', path: '/' }),
    get: action({ verb: 'GET', path: '/users/:_id' }),
    mGet: action({ verb: 'GET', path: '/users/_mGet' }),
    has: action({ verb: 'GET', path: '/credentials/:strategy/:_id/_exists' }),
    remove: action({ verb: 'DELETE', path: '/users/:userId/api-keys/:_id' }),
    keys: action({ verb: 'POST', path: '/users/:userId/api-keys/_search' }),
  },
})

function match(verb: string, path: string) {
  const found = ROUTER.match(verb, path)
  return found && { action: found.action, ...Object.fromEntries(found.parameters) }
}

describe('the router', () => {
  it('finds literal paths and parameters', () => {
    assert.deepEqual(match('GET', '/_me'), { action: 'me' })
    assert.deepEqual(match('GET', '/'), { action: 'info' })
    assert.deepEqual(match('DELETE', '/users/bob/api-keys/k1'), {
      action: 'remove',
      userId: 'bob',
      _id: 'k1',
    })
  })

  it('takes what is named literally before parameters', () => {
    assert.deepEqual(match('GET', '/users/_mGet'), { action: 'mGet' })
    assert.deepEqual(match('GET', '/credentials/local/_me/_exists'), { action: 'exists', strategy: 'local' })
    assert.deepEqual(match('POST', '/users/api-keys/_search'), { action: 'search' })
  })

  it('finds users that are named like a literal segment', () => {
    assert.deepEqual(match('POST', '/users/api-keys/api-keys/_search'), {
      action: 'keys',
      userId: 'api-keys',
    })
  })

  it('ignores repeated and trailing slashes', () => {
    for (const path of ['//_me', '/_me/', '//_me///']) assert.deepEqual(match('GET', path), { action: 'me' })
    assert.equal(normalisePath('//a///b/'), '/a/b')
    assert.equal(normalisePath('/'), '/')
  })

  it('decodes parameters, after the path is cut into segments', () => {
    assert.deepEqual(match('GET', '/users/a%2Fb%20%C3%A9'), { action: 'get', _id: 'a/b é' })
    assert.deepEqual(match('GET', '/users/..'), { action: 'get', _id: '..' })
  })

  it('refuses paths that cannot be decoded', () => {
    for (const path of ['/users/%', '/users/%zz', '/users/%ff']) {
      assert.throws(() => match('GET', path), { id: 'network.http.unexpected_error', status: 400 })
    }
  })

  it('finds nothing for other paths and verbs, however long', () => {
    assert.equal(match('POST', '/_me'), undefined)
    assert.equal(match('GET', '/_ME'), undefined)
    assert.equal(match('GET', '/users/a/b'), undefined)
    assert.equal(match('GET', '/toString'), undefined)
    assert.equal(match('BREW', '/'), undefined)
    assert.equal(match('GET', '/users/a'.repeat(5_000)), undefined)
  })

  it('does not accept two actions on one route', () => {
    const twice = { a: action({ verb: 'GET', path: '/x/:a' }), b: action({ verb: 'GET', path: '/x/:b' }) }
    assert.throws(() => createRouter({ c: twice }), /Cannot route GET \/x\/:b to two actions/)
  })
})
