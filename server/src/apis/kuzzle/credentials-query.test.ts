import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { JsonValue } from '../../core/json.ts'
import { refuseOtherFields } from './credentials-query.ts'

describe('a search of credentials', () => {
  it('may name the user name in every clause of both languages', () => {
    const bodies: readonly JsonValue[] = [
      {},
      { query: { bool: { must: [{ match: { username: { query: 'a', operator: 'and' } } }] } } },
      { query: { exists: { field: 'username' } }, sort: [{ username: 'desc' }, '_score'] },
      { query: { multi_match: { query: 'a', fields: ['username^2'] } } },
      { query: { ids: { values: ['password'] } } },
      { query: { and: [{ equals: { username: 'a' } }, { not: { exists: 'username' } }] } },
    ]
    for (const body of bodies) assert.doesNotThrow(() => refuseOtherFields(body))
  })

  it('may name no other field, wherever it is hidden', () => {
    const bodies: readonly JsonValue[] = [
      { query: { term: { kuid: 'a' } } },
      { query: { bool: { should: [{ prefix: { passwordHash: { value: '$' } } }] } } },
      { query: { exists: { field: 'passwordHash' } } },
      { query: { multi_match: { query: 'a', fields: ['username', 'passwordHash'] } } },
      { sort: [{ passwordHash: 'asc' }] },
      { sort: ['passwordHash'] },
      { sort: 'passwordHash' },
    ]
    for (const body of bodies) {
      assert.throws(
        () => refuseOtherFields(body),
        { id: 'api.assert.forbidden_argument' },
        JSON.stringify(body),
      )
    }
  })

  it('is read without exhausting the stack, however deep it is', () => {
    let body: JsonValue = { username: 'a' }
    for (let depth = 0; depth < 20_000; depth++) body = { bool: { must: [body] } }
    assert.doesNotThrow(() => refuseOtherFields(body))
  })
})
