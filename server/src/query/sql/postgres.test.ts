import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { compareCodePoints } from '../code-point-order.ts'
import { POSTGRES, storedJson, storedText, textOfStored } from './postgres.ts'
import { printSql, sql } from './sql-text.ts'

const text = fc.string({ unit: fc.constantFrom('\u0000', '\u0001', '\u0002', 'a', 'é', '\ud83d\ude00') })

describe('texts in PostgreSQL', () => {
  test('come back as they were, and never hold U+0000', () => {
    fc.assert(
      fc.property(text, (one) => {
        const stored = storedText(one)
        assert.ok(!stored.includes('\u0000'))
        assert.equal(textOfStored(stored), one)
      }),
    )
  })

  test('are ordered, and begin with each other, as the texts that they stand for', () => {
    fc.assert(
      fc.property(text, text, (one, other) => {
        const [left, right] = [storedText(one), storedText(other)]
        assert.equal(Math.sign(compareCodePoints(left, right)), Math.sign(compareCodePoints(one, other)))
        assert.equal(left.startsWith(right), one.startsWith(other))
      }),
    )
  })

  test('stay what they are when they are ordinary', () => {
    for (const one of ['', 'ann', 'é\n\t', '\ud83d\ude00']) assert.equal(storedText(one), one)
  })

  test('are stored the same in JSON, names and values, where nothing else changes', () => {
    const value = { 'a\u0000': ['\u0001', 1.5, null, true, { deep: 'x\u0000' }], plain: 'é', half: '\ud800' }
    assert.deepEqual(JSON.parse(storedJson(value)), {
      'a\u0001\u0001': ['\u0001\u0002', 1.5, null, true, { deep: 'x\u0001\u0001' }],
      plain: 'é',
      half: '\ufffd',
    })
  })
})

test('any number of values to compare with is one parameter', () => {
  const print = (values: readonly (string | number)[]) => {
    const condition = POSTGRES.isOneOf(sql`owner`, values)
    return [printSql(condition, POSTGRES.placeholder), condition.values]
  }
  assert.deepEqual(print(['ann']), ['owner = $1', ['ann']])
  assert.deepEqual(print(['ann', 'b\u0000']), [
    'owner = ANY (ARRAY(SELECT jsonb_array_elements_text($1::jsonb)))',
    ['["ann","b\\u0001\\u0001"]'],
  ])
  assert.deepEqual(print([1, 2.5])[1], ['[1,2.5]'])
})
