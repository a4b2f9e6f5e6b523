import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { fitsGlob, parseGlob } from './glob.ts'

const fits = (text: string, pattern: string) => fitsGlob(text, parseGlob(pattern))

test('a pattern without stars fits itself alone', () => {
  assert.equal(fits('a.b', 'a.b'), true)
  assert.equal(fits('a.bc', 'a.b'), false)
  assert.equal(fits('', ''), true)
})

test('a star is any run of characters, also an empty one', () => {
  for (const pattern of ['*', 'a*', '*c', 'a*c', 'a*b*c', '*b*', '**abc', 'abc*']) {
    assert.equal(fits('abc', pattern), true, pattern)
  }
  for (const pattern of ['b*', '*b', 'a*bc*c', '*d*', 'abc*c', '*bb*']) {
    assert.equal(fits('abc', pattern), false, pattern)
  }
})

test('no character of a text stands for two of the pattern', () => {
  assert.equal(fits('ab', 'ab*b'), false)
  assert.equal(fits('aba', '*ab*ba'), false)
  assert.equal(fits('abba', '*ab*ba'), true)
  assert.equal(fits('xab', 'x*ab*b'), false)
})

test('a pattern fits what the same regular expression fits', () => {
  const letters = (unit: string) =>
    fc.array(fc.constantFrom(...unit), { maxLength: 8 }).map((all) => all.join(''))
  fc.assert(
    fc.property(letters('ab'), letters('ab*'), (text, pattern) => {
      const expression = new RegExp(`^${pattern.replaceAll('*', '.*')}$`)
      assert.equal(fits(text, pattern), expression.test(text))
    }),
  )
})
