import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { afterPrefix, compareCodePoints } from './code-point-order.ts'

const text = fc.string({ unit: 'binary' })

test('texts are ordered as their UTF-8 bytes are', () => {
  fc.assert(
    fc.property(text, text, (a, b) => {
      assert.equal(Math.sign(compareCodePoints(a, b)), Buffer.compare(Buffer.from(a), Buffer.from(b)))
    }),
  )
  assert.ok(compareCodePoints('\u{1f680}', '\uffee') > 0)
})

test('between a prefix and what comes after it are exactly the texts that start with it', () => {
  fc.assert(
    fc.property(
      text.filter((prefix) => prefix !== ''),
      text,
      fc.boolean(),
      (prefix, other, isPrefixed) => {
        const candidate = isPrefixed ? prefix + other : other
        const after = afterPrefix(prefix)
        const isBetween =
          compareCodePoints(candidate, prefix) >= 0 &&
          (after === undefined || compareCodePoints(candidate, after) < 0)
        assert.equal(isBetween, candidate.startsWith(prefix))
      },
    ),
  )
})

test('nothing comes after the greatest character, and no surrogate after the last before them', () => {
  assert.equal(afterPrefix('\u{10ffff}'), undefined)
  assert.equal(afterPrefix('a\u{10ffff}'), 'b')
  assert.equal(afterPrefix('\ud7ff'), '\ue000')
})
