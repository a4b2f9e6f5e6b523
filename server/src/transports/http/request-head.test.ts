import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bearerToken, hasBody } from './request-head.ts'

test('the token of a Bearer authorization is found, however the scheme is written', () => {
  for (const text of ['Bearer abc', 'bearer abc', 'BEARER   abc ']) assert.equal(bearerToken(text), 'abc')
})

test('other schemes, and words that only begin like it, hold no token', () => {
  for (const text of ['', 'Bearer', 'Basic YTpi', 'Bearerabc', 'X Bearer abc']) {
    assert.equal(bearerToken(text), undefined, text)
  }
})

test('a body is there when the headers announce one', () => {
  assert.ok(hasBody({ headers: { 'content-length': '1' } }))
  assert.ok(hasBody({ headers: { 'transfer-encoding': 'chunked' } }))
  assert.ok(!hasBody({ headers: { 'content-length': '0' } }))
  assert.ok(!hasBody({ headers: {} }))
})
