import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { fieldTable, findField } from './field-table.ts'
import type { Mapping } from './mapping.ts'
import { prepareDocument } from './prepared-document.ts'

const MAPPING: Mapping = {
  properties: {
    name: { type: 'text' },
    free: { dynamic: 'keyword', properties: { count: { type: 'long' } } },
    fixed: { properties: { inner: { dynamic: 'keyword' } } },
  },
}

describe('dynamic objects', () => {
  test('have every member as a keyword, but for those that are listed', () => {
    const typeOf = (path: string) => findField(MAPPING, path)?.type
    assert.equal(typeOf('free.anything'), 'keyword')
    assert.equal(typeOf('free.deep.er'), 'keyword')
    assert.equal(typeOf('free.count'), 'long')
    assert.equal(typeOf('fixed.inner.x'), 'keyword')
    for (const path of ['free', 'free.', 'freedom', 'fixed.x', 'name.x', 'other']) {
      assert.equal(typeOf(path), undefined, path)
    }
    assert.deepEqual(
      fieldTable(MAPPING).leaves.map((field) => field.path),
      ['name', 'free.count'],
    )
  })

  test('are only those that say so: other words of Elasticsearch at that place make no fields', () => {
    const mapping: Mapping = JSON.parse(
      '{"properties":{"fixed":{"dynamic":"false"},"strict":{"dynamic":"strict"}}}',
    )
    assert.equal(findField(mapping, 'fixed.x'), undefined)
    assert.equal(findField(mapping, 'strict.x'), undefined)
  })

  test('are indexed by value, whatever the type, at any depth and in arrays', () => {
    const source = { free: { a: [1, 'x', true, null], deep: { er: 'y' }, count: '7' } }
    const document = prepareDocument(MAPPING, { id: 'd', position: 1, source })
    assert.deepEqual(document.field('free.a'), { kind: 'keyword', values: ['1', 'x', 'true'] })
    assert.deepEqual(document.field('free.deep.er'), { kind: 'keyword', values: ['y'] })
    assert.deepEqual(document.field('free.count'), { kind: 'number', values: [7] })
    assert.equal(document.field('free.none'), undefined)
  })
})
