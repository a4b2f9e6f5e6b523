import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { documentsOf, NOW, searchIn } from './keywords/sample-keys.ts'
import type { Mapping } from './mapping.ts'
import { prepareDocument, valuesAt } from './prepared-document.ts'

function fieldOf(mapping: Mapping, source: unknown, path: string) {
  return prepareDocument(mapping, { id: 'd', position: 1, source }).field(path)
}

describe('the values at a path', () => {
  test('are found under dotted names as well as in objects', () => {
    assert.deepEqual(valuesAt({ 'a.b': 1, a: { b: 2 } }, 'a.b').toSorted(), [1, 2])
    assert.deepEqual(valuesAt({ 'a.b': { 'c.d': 1 } }, 'a.b.c.d'), [1])
    assert.deepEqual(valuesAt({ a: { b: 1 } }, 'a'), [{ b: 1 }])
  })

  test('are those of all arrays, however deep, without nulls', () => {
    assert.deepEqual(valuesAt({ a: [[1, [2]], null, { b: 3 }] }, 'a'), [1, 2, { b: 3 }])
    assert.deepEqual(valuesAt({ a: [{ b: [1] }, [{ b: 2 }], { b: null }] }, 'a.b'), [1, 2])
    assert.deepEqual(valuesAt(null, 'a'), [])
  })

  test('are only members of objects, never properties of texts or of prototypes', () => {
    assert.deepEqual(valuesAt({ a: 'text' }, 'a.length'), [])
    assert.deepEqual(valuesAt({ a: {} }, 'a.constructor'), [])
    assert.deepEqual(valuesAt({ a: [1, 2] }, 'a.length'), [])
  })
})

describe('a document', () => {
  test('has keywords once each, as their JSON texts, in the order of the document', () => {
    const mapping = { properties: { k: { type: 'keyword' } } } as const
    assert.deepEqual(fieldOf(mapping, { k: ['b', 1, true, 'b', null, 'a'] }, 'k'), {
      kind: 'keyword',
      values: ['b', '1', 'true', 'a'],
    })
    assert.equal(fieldOf(mapping, { k: [null, []] }, 'k'), undefined)
    assert.equal(fieldOf(mapping, { k: { a: 1 } }, 'k'), undefined)
  })

  test('has the words of all its texts, so far apart that no phrase reaches from one into the next', () => {
    const mapping = { properties: { t: { type: 'text' } } } as const
    assert.deepEqual(fieldOf(mapping, { t: ['One two', 'two', ''] }, 't'), {
      kind: 'text',
      terms: new Map([
        ['one', [0]],
        ['two', [1, 102]],
      ]),
      length: 3,
    })
    assert.deepEqual(fieldOf(mapping, { t: '' }, 't'), { kind: 'text', terms: new Map(), length: 0 })
  })

  test('has numbers as its field holds them, and none where there is none', () => {
    const numbers = (type: 'long' | 'double' | 'float' | 'date' | 'boolean', value: unknown) => {
      const field = fieldOf({ properties: { n: { type } } }, { n: value }, 'n')
      return field?.kind === 'number' ? field.values : field
    }
    assert.deepEqual(numbers('long', [1.9, '-2.5', 'x', '', true]), [1, -2])
    assert.deepEqual(numbers('double', ['1.5', ' ', 'x', 2]), [1.5, 2])
    assert.deepEqual(numbers('float', [0.1, 'x']), [Math.fround(0.1)])
    assert.deepEqual(numbers('date', ['2024-01-01', 5.9, 'x', Number.NaN]), [Date.UTC(2024), 5])
    assert.deepEqual(numbers('boolean', [true, 'false', '', 'x', 1]), [1, 0, 0])
    assert.equal(numbers('long', 'x'), undefined)
  })

  test('does not have what its mapping does not list', () => {
    const mapping = { properties: { o: {}, n: { type: 'nested' } } } as const
    assert.equal(fieldOf(mapping, { o: { k: 'a' } }, 'o.k'), undefined)
    assert.equal(fieldOf(mapping, { n: [{ k: 'a' }] }, 'n'), undefined)
    assert.equal(fieldOf({ properties: {} }, { k: 'a' }, 'k'), undefined)
  })
})

describe('nested objects', () => {
  const mapping = {
    properties: {
      o: {
        type: 'nested',
        properties: { k: { type: 'keyword' }, p: { type: 'nested', properties: { k: { type: 'keyword' } } } },
      },
    },
  } as const

  test('are the objects at the path, and nothing else that is there', async () => {
    const documents = documentsOf(mapping, [{ o: 'text' }, { o: [null] }, { o: {} }, { o: [{ k: 'a' }] }, {}])
    const query = { nested: { path: 'o', query: { bool: { must_not: { term: { 'o.k': 'a' } } } } } }
    assert.deepEqual(await searchIn(documents, { mapping, now: NOW }, { query }), ['d2'])
  })

  test('have nested objects of their own, and see no others', () => {
    const document = prepareDocument(mapping, {
      id: 'd',
      position: 0,
      source: { o: [{ k: 'a', p: [{ k: 'b' }, { k: 'c' }] }, { p: { k: 'd' } }] },
    })
    const [first, second] = document.nested('o')
    assert.deepEqual(first?.field('o.k'), { kind: 'keyword', values: ['a'] })
    assert.equal(second?.field('o.k'), undefined)
    const inner = first?.nested('o.p').map((one) => one.field('o.p.k'))
    assert.deepEqual(
      inner,
      ['b', 'c'].map((value) => ({ kind: 'keyword', values: [value] })),
    )
    assert.equal(document.field('o.k'), undefined)
    assert.deepEqual(document.nested('o.k'), [])
    assert.deepEqual(first?.nested('o'), [])
  })
})
