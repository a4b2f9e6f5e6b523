import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createOrigins } from '../../transports/http/origins.ts'
import { checkOrigin } from './origins.ts'

describe('origins', () => {
  it('all pass where `*` is listed, and requests without one always do', () => {
    checkOrigin({ origin: 'https://anywhere.test' }, createOrigins(['x', '*'], false))
    checkOrigin({}, createOrigins([], false))
  })

  it('pass when they are listed exactly', () => {
    const origins = createOrigins(['https://a.test'], false)
    checkOrigin({ origin: 'https://a.test' }, origins)
    for (const origin of ['https://a.test.evil', 'http://a.test', 'null', '']) {
      assert.throws(() => checkOrigin({ origin }, origins), {
        id: 'api.process.unauthorized_origin',
        status: 401,
      })
    }
  })

  it('pass when an expression matches, where expressions are listed', () => {
    const origins = createOrigins(['^https://[a-z]+\\.a\\.test$'], true)
    checkOrigin({ origin: 'https://www.a.test' }, origins)
    assert.throws(() => checkOrigin({ origin: 'https://a.test' }, origins))
  })

  it('of which two were sent do not pass as either', () => {
    const origins = createOrigins(['https://a.test'], false)
    assert.throws(() => checkOrigin({ origin: ['https://a.test', 'https://b.test'] }, origins))
  })
})
