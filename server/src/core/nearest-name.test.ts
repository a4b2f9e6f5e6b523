import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nearestName } from './nearest-name.ts'

test('the nearest name is one that differs in few letters, else none', () => {
  const known = ['auth', 'security', 'server']
  assert.equal(nearestName('secrity', known), 'security')
  assert.equal(nearestName('Server', known), 'server')
  assert.equal(nearestName('weather', known), undefined)
  assert.equal(nearestName('x'.repeat(1_000_000), known), undefined)
})
