import assert from 'node:assert/strict'
import { test } from 'node:test'
import { corsHeaders, createOrigins, originOf } from './origins.ts'

test('a browser may show an answer to a website that is listed, and to no other', () => {
  const origins = createOrigins(['https://a.test'], false)
  assert.deepEqual(corsHeaders({ origin: 'https://a.test' }, origins), {
    'Access-Control-Allow-Origin': 'https://a.test',
    Vary: 'Origin',
  })
  for (const origin of ['https://a.test.evil', 'http://a.test', 'null', '']) {
    assert.equal(corsHeaders({ origin }, origins), undefined)
  }
  assert.equal(corsHeaders({}, origins), undefined)
})

test('a star lets every website see answers, and lists none', () => {
  const origins = createOrigins(['*'], false)
  assert.ok(origins.all)
  assert.ok(origins.isAllowed('https://anywhere.test'))
  assert.ok(!origins.isListed('https://anywhere.test'))
})

test('two origins are those of no website', () => {
  const headers = { origin: ['https://a.test', 'https://b.test'] }
  assert.equal(originOf(headers), 'https://a.test, https://b.test')
  assert.equal(corsHeaders(headers, createOrigins(['https://a.test'], false)), undefined)
})
