import assert from 'node:assert/strict'
import { test } from 'node:test'
import { QueryError } from './query-error.ts'
import { applySourceFilter, parseSourceFilter } from './source-filter.ts'

const SOURCE = { name: 'Ada', tags: ['a', 'b'], o: { x: 1, y: { z: 2 } }, list: [{ x: 1, q: 1 }, { q: 2 }] }

const filtered = (body: Record<string, unknown>) => applySourceFilter(parseSourceFilter(body), SOURCE)

test('without _source, or with true, everything is answered', () => {
  assert.equal(filtered({}), SOURCE)
  assert.equal(filtered({ _source: true }), SOURCE)
})

test('with false nothing is answered', () => {
  assert.deepEqual(filtered({ _source: false }), {})
})

test('a path answers what is there and below, a pattern what fits it', () => {
  assert.deepEqual(filtered({ _source: 'o.y' }), { o: { y: { z: 2 } } })
  assert.deepEqual(filtered({ _source: ['name', 'o.*'] }), { name: 'Ada', o: { x: 1, y: { z: 2 } } })
  assert.deepEqual(filtered({ _source: '*.x' }), { o: { x: 1 }, list: [{ x: 1 }] })
  assert.deepEqual(filtered({ _source: 'nope' }), {})
})

test('excludes win over includes', () => {
  const _source = { includes: ['o', 'list'], excludes: ['*.x', 'o.y.*'] }
  assert.deepEqual(filtered({ _source }), { o: { y: {} }, list: [{ q: 1 }, { q: 2 }] })
  assert.deepEqual(filtered({ _source: { exclude: 'o,list,tags' } }), { name: 'Ada' })
})

test('_source_includes and _source_excludes say the same beside the query', () => {
  const body = { _source_includes: 'name,o', _source_excludes: ['o.y'] }
  assert.deepEqual(filtered(body), { name: 'Ada', o: { x: 1 } })
})

test('members that could be mistaken for a prototype are members', () => {
  const source = JSON.parse('{"__proto__": {"a": 1}, "constructor": 2}')
  assert.equal(
    JSON.stringify(applySourceFilter({ includes: ['*'], excludes: [] }, source)),
    JSON.stringify(source),
  )
})

test('anything else is refused', () => {
  for (const _source of [1, { x: [] }, [1], { includes: 1 }, { includes: [1] }]) {
    assert.throws(() => parseSourceFilter({ _source }), QueryError)
  }
})
