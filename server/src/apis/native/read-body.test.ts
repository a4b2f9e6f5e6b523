import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FIELDS_MAX, readQuery } from './read-body.ts'

describe('query strings', () => {
  it('put members of one name together, written either way', () => {
    assert.deepEqual(readQuery('a=1&m.x=2&m%5By%5D=3&b=%26'), { a: '1', b: '&', m: { x: '2', y: '3' } })
    assert.deepEqual(readQuery(''), {})
  })

  it('hold members of any name, also of those that JavaScript puts a meaning on', () => {
    const { m } = readQuery('m.__proto__=1&m.constructor=2')
    assert.deepEqual(Object.entries(m ?? {}), [
      ['__proto__', '1'],
      ['constructor', '2'],
    ])
    assert.ok(Object.hasOwn(readQuery('__proto__=1'), '__proto__'))
  })

  it('may name nothing twice, so that nobody in front of us believes another value', () => {
    for (const text of ['a=1&a=2', 'm.x=1&m[x]=2', 'a=1&a=1']) {
      assert.throws(() => readQuery(text), { code: 'request.invalid' })
    }
  })

  it('may hold so many fields and no more', () => {
    const fields = (count: number) => Array.from({ length: count }, (_, index) => `f${index}=`).join('&')
    assert.equal(Object.keys(readQuery(fields(FIELDS_MAX))).length, FIELDS_MAX)
    assert.throws(() => readQuery(fields(FIELDS_MAX + 1)), { code: 'request.invalid' })
    assert.throws(() => readQuery(fields(50_000)), { code: 'request.invalid' })
  })
})
