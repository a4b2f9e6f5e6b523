import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { ENDPOINTS } from './endpoints.ts'
import { createRouter } from './router.ts'

const router = createRouter(ENDPOINTS)

function nameAt(method: 'GET' | 'POST' | 'DELETE', path: string): string | undefined {
  return router.find(path)?.endpoints.get(method)?.name
}

describe('routes', () => {
  it('are found, whatever the id is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), (id) => {
        const place = router.find(`/v1/keys/${encodeURIComponent(id)}/rotate`)
        assert.equal(place?.id, id)
        assert.equal(place?.endpoints.get('POST')?.name, 'rotateKey')
      }),
    )
  })

  it('of their own do not hide keys that are called the same', () => {
    assert.equal(nameAt('POST', '/v1/keys/search'), 'searchKeys')
    assert.equal(nameAt('GET', '/v1/keys/search'), 'getKey')
    assert.equal(nameAt('DELETE', '/v1/keys/bulk'), 'revokeKeyPlainly')
    assert.equal(nameAt('GET', '/v1/keys/:id'), 'getKey')
    assert.equal(router.find('/v1/keys/:id')?.id, ':id')
  })

  it('are all found by their own paths', () => {
    for (const endpoint of ENDPOINTS) {
      const place = router.find(endpoint.path.replace(':id', 'x'))
      assert.equal(place?.endpoints.get(endpoint.method), endpoint)
    }
  })

  it('are not found where there is more or less than a route', () => {
    const wrong = [
      '/v1',
      '/v1/',
      '/v1/keys/',
      '/v1/keys/a/b',
      '/v1/keys/a/rotate/',
      '/v1/keys//rotate',
      '/v2/keys',
    ]
    for (const path of [...wrong, '/V1/keys', '//v1/keys', '/v1/keys/a/rotate/b/c/d/e', '']) {
      assert.equal(router.find(path), undefined, path)
    }
  })

  it('cannot be asked for by what is not percent-encoded text', () => {
    for (const path of ['/v1/keys/%', '/v1/keys/%ff', '/v1/keys/%zz']) {
      assert.throws(() => router.find(path), { code: 'request.not_found' })
    }
  })
})
