import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { READ_CHARACTERS_MAX } from '../elasticsearch/context.ts'
import { assertRefused, documentsOf, find, NOW, searchIn } from './sample-keys.ts'

const WORDS = 'word '.repeat(READ_CHARACTERS_MAX / 5)
const TOO_LONG = `more than ${READ_CHARACTERS_MAX} characters`

function refusedAsTooLong(query: unknown): void {
  assertRefused(query, TOO_LONG, 'too_expensive')
}

describe('texts that would take too long to read are refused', () => {
  test('when they are analyzed', () => {
    refusedAsTooLong({ match: { description: `${WORDS}x` } })
    refusedAsTooLong({ match_phrase_prefix: { description: `${WORDS}x` } })
    refusedAsTooLong({ multi_match: { query: `${WORDS}x`, fields: ['description'], type: 'cross_fields' } })
    // Exactly as many are read, and found to be too many words.
    assertRefused({ match: { description: WORDS } }, 'too_many_clauses')
  })

  test('when they are a language of their own', () => {
    for (const clause of ['query_string', 'simple_query_string']) {
      refusedAsTooLong({ [clause]: { query: `${'('.repeat(READ_CHARACTERS_MAX)}x` } })
      refusedAsTooLong({ [clause]: { query: 'x', fields: [`${'a'.repeat(READ_CHARACTERS_MAX)}*`] } })
    }
  })

  test('when they are patterns', () => {
    const letters = 'a'.repeat(READ_CHARACTERS_MAX - 1)
    for (const clause of ['prefix', 'wildcard', 'fuzzy'])
      refusedAsTooLong({ [clause]: { ttl: `${letters}a` } })
    const regexps = Array.from({ length: 10 }, () => ({ regexp: { ttl: 'ab'.repeat(300) } }))
    refusedAsTooLong({ bool: { should: regexps } })
    refusedAsTooLong({ query_string: { query: `/${'ab'.repeat(490)}/ `.repeat(6), default_field: 'ttl' } })
  })

  test('when they are dates', () => {
    const dates = Array.from({ length: 6_000 }, (_, n) => new Date(n * 86_400_000).toISOString().slice(0, 10))
    refusedAsTooLong({ terms: { '_kuzzle_info.createdAt': dates } })
    const math = `now${'+1M/d'.repeat(45)}`
    const ranges = Array.from({ length: 300 }, () => ({ range: { '_kuzzle_info.createdAt': { gte: math } } }))
    refusedAsTooLong({ bool: { should: ranges } })
  })

  test('counted once for each field, over the whole query', () => {
    const text = 'x'.repeat(READ_CHARACTERS_MAX / 4)
    const should = Array.from({ length: 5 }, () => ({ match: { description: text } }))
    refusedAsTooLong({ bool: { should } })
    const fields = ['ttl', 'userId', 'fingerprint', 'hash', 'token', '_kuzzle_info.author']
    for (const clause of ['query_string', 'simple_query_string']) {
      refusedAsTooLong({ [clause]: { query: `${text}*`, fields } })
      refusedAsTooLong({ [clause]: { query: `${text}~1`, fields } })
    }
  })

  test('but long lists of exact values are not', async () => {
    const values = Array.from({ length: 65_536 }, (_, n) => `value ${n}`)
    assert.deepEqual(await find({ terms: { ttl: [...values.slice(1), '42'] } }), ['gate'])
    assert.deepEqual(await find({ ids: { values: [...values, 'fox'] } }), ['fox'])
    const instants = Array.from({ length: 65_535 }, (_, n) => n)
    const created = Date.parse('2024-03-31T00:00:00Z')
    assert.deepEqual(await find({ terms: { '_kuzzle_info.createdAt': [...instants, created + 0.5] } }), [])
  })
})

test('too many words are refused also where wrong values are forgiven', () => {
  const words = Array.from({ length: 1_100 }, (_, n) => `w${n}`).join(' ')
  assertRefused({ match: { description: { query: words, lenient: true } } }, 'too_many_clauses')
  assertRefused({ multi_match: { query: words } }, 'too_many_clauses')
  assertRefused({ query_string: { query: words } }, 'too_many_clauses')
})

test('a list of dates finds the instants of each, however they overlap', async () => {
  const mapping = { properties: { at: { type: 'date' } } } as const
  const times = ['2024-01-01T00:00:00Z', '2024-01-01T23:59:59.999Z', '2024-01-02T00:00:00Z', '2024-06-01']
  const documents = documentsOf(mapping, [...times.map((at) => ({ at })), { at: [times[0], times[3]] }, {}])
  const found = (values: readonly unknown[]) =>
    searchIn(documents, { mapping, now: NOW }, { query: { terms: { at: values } } })
  assert.deepEqual(await found(['2024-01-01']), ['d0', 'd1', 'd4'])
  assert.deepEqual(await found(['2024-01-02', '2024-01-01T23', '2024-01-01', '2024-01-01']), [
    'd0',
    'd1',
    'd2',
    'd4',
  ])
  assert.deepEqual(await found(['2024-05-31||+1d']), ['d3', 'd4'])
  assert.deepEqual(await found([Date.parse('2024-06-01'), Date.parse('2024-01-02')]), ['d2', 'd3', 'd4'])
  assert.deepEqual(await found(['2023-12-31', '2024-01-03', '2025']), [])
})
