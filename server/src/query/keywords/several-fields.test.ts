import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ALL, assertRefused, documentsOf, find, NOW, searchIn } from './sample-keys.ts'

const mapping = {
  properties: { a: { type: 'text' }, b: { type: 'text' }, k: { type: 'keyword' }, n: { type: 'long' } },
} as const

const among = (sources: readonly unknown[], query: object) =>
  searchIn(documentsOf(mapping, sources), { mapping, now: NOW }, { query })

describe('multi_match of type cross_fields', () => {
  const fields = ['a', 'b']
  const cross = (query: string, more: object = {}) => ({
    multi_match: { query, fields, type: 'cross_fields', ...more },
  })

  test('wants every word, but each in any of the fields', async () => {
    const people = [
      { a: 'ada', b: 'jones' },
      { a: 'jones', b: 'ada' },
      { a: 'ada', b: 'smith' },
    ]
    assert.deepEqual((await among(people, cross('ada jones', { operator: 'and' }))).toSorted(), ['d0', 'd1'])
    assert.deepEqual((await among(people, cross('ada smith', { operator: 'and' }))).toSorted(), ['d2'])
    assert.deepEqual((await among(people, cross('ada jones'))).length, 3)
    assert.deepEqual(await among(people, cross('??')), [])
  })

  test('takes a word for as frequent as in the field where it is most frequent', async () => {
    const people = [
      { b: 'jones' },
      { b: 'jones' },
      { b: 'jones' },
      { a: 'jones', b: 'ada' },
      { a: 'eve', b: 'bob' },
    ]
    const best = { multi_match: { query: 'jones', fields } }
    assert.equal((await among(people, best))[0], 'd3')
    assert.notEqual((await among(people, cross('jones', { tie_breaker: 0 })))[0], 'd3')
  })

  test('compares whole values of numbers and keywords', async () => {
    const documents = [{ n: 5 }, { k: '5' }, { k: '5 6' }]
    const query = { multi_match: { query: '5', fields: ['n', 'k'], type: 'cross_fields' } }
    assert.deepEqual((await among(documents, query)).toSorted(), ['d0', 'd1'])
  })

  test('counts each word in each field among the clauses', () => {
    const query = (count: number) => ({
      multi_match: {
        query: 'word '.repeat(count),
        fields: ['description', 'userId'],
        type: 'cross_fields',
        analyzer: 'standard',
      },
    })
    assertRefused(query(512), 'too_many_clauses')
  })
})

describe('phrases and words in several fields', () => {
  const documents = [
    { a: 'x y', b: 'z z' },
    { a: 'x y', b: 'x y' },
    { a: 'z z', b: 'x y' },
  ]
  const simple = (query: string) => among(documents, { simple_query_string: { query, fields: ['a', 'b'] } })

  test('count by their best field, words of simple_query_string by all', async () => {
    assert.deepEqual(await simple('"x y"'), ['d0', 'd1', 'd2'])
    assert.deepEqual(await simple('x'), ['d1', 'd0', 'd2'])
  })
})

describe('boosts', () => {
  const lora = { match: { description: 'lora' } }

  test('of dis_max and constant_score multiply those inside', async () => {
    const queries = [{ term: { _id: 'half' } }]
    const should = (boost: number) => [lora, { dis_max: { queries, boost } }]
    assert.equal((await find({ bool: { should: should(10) } }))[0], 'half')
    assert.equal((await find({ bool: { should: should(0.01) } }))[0], 'gate')
  })

  test('of nested clauses multiply', async () => {
    const inner = { bool: { must: { term: { _id: { value: 'half', boost: 10 } } }, boost: 10 } }
    const should = [{ match: { description: { query: 'lora', boost: 20 } } }, inner]
    assert.equal((await find({ bool: { should } }))[0], 'half')
  })

  test('of fields say which counts more', async () => {
    const documents = [{ a: 'x' }, { b: 'x' }]
    const query = (fields: readonly string[]) => ({ multi_match: { query: 'x', fields } })
    assert.deepEqual(await among(documents, query(['a', 'b^2'])), ['d1', 'd0'])
    assert.deepEqual(await among(documents, query(['a^2', 'b'])), ['d0', 'd1'])
  })
})

describe('the keyword analyzer', () => {
  test('looks for the whole text, also for an empty one', async () => {
    const documents = [{ k: '' }, { k: 'a b' }, { a: 'a b' }]
    assert.deepEqual(await among(documents, { match: { k: '' } }), ['d0'])
    assert.deepEqual(await among(documents, { match: { k: 'a b' } }), ['d1'])
    assert.deepEqual(await among(documents, { match: { a: { query: 'a b', analyzer: 'keyword' } } }), [])
    assert.deepEqual(await among(documents, { match_bool_prefix: { k: 'a' } }), ['d1'])
  })
})

describe('a text for several fields that none of them makes a word of', () => {
  test('finds nothing, and leaves nothing out', async () => {
    assert.deepEqual(await find({ query_string: { query: '(. ,)', default_field: 'description' } }), [])
    assert.deepEqual(await find({ query_string: { query: '. OR ,', default_field: 'description' } }), [])
    assert.deepEqual(await find({ query_string: { query: 'NOT lora', fields: ['no*'] } }), ALL)
    assert.deepEqual(await find({ query_string: { query: 'NOT nope:lora' } }), ALL)
  })

  test('is looked for where the field is not analyzed', async () => {
    const documents = [{ a: 'x', k: '...' }, { a: '...' }]
    const query = { query: '...', fields: ['a', 'k'] }
    assert.deepEqual(await among(documents, { query_string: query }), ['d0'])
    assert.deepEqual(await among(documents, { simple_query_string: query }), ['d0'])
  })
})

describe('analyzers of typed queries', () => {
  const found = async (clause: string, query: string, more: object) => {
    const fields = ['description']
    return (await find({ [clause]: { query, fields, ...more } })).toSorted()
  }

  test('take the place of the field’s own', async () => {
    for (const clause of ['query_string', 'simple_query_string']) {
      assert.deepEqual(await found(clause, 'LoRa', {}), ['gate', 'half', 'perm'])
      assert.deepEqual(await found(clause, 'LoRa', { analyzer: 'whitespace' }), [])
      assert.deepEqual(await found(clause, '"LoRa permanent"', { analyzer: 'whitespace' }), [])
      assert.deepEqual(await found(clause, '"LoRa permanent"', { analyzer: 'simple' }), ['perm'])
    }
  })

  test('may be others for phrases', async () => {
    const more = { quote_analyzer: 'whitespace' }
    assert.deepEqual(await found('query_string', 'LoRa', more), ['gate', 'half', 'perm'])
    assert.deepEqual(await found('query_string', '"LoRa permanent"', more), [])
  })
})

describe('patterns of typed queries', () => {
  test('keep their case on keywords', async () => {
    const simple = (query: string) => find({ simple_query_string: { query, fields: ['userId'] } })
    assert.deepEqual(await simple('JAR*'), [])
    assert.deepEqual(await simple('jar*'), ['perm', 'half', 'fox', 'gate'])
  })

  test('take two swapped neighbours for one edit, unless told otherwise', async () => {
    const found = async (more: object) =>
      (await find({ query_string: { query: 'lroa~1', default_field: 'description', ...more } })).toSorted()
    assert.deepEqual(await found({}), ['gate', 'half', 'perm'])
    assert.deepEqual(await found({ fuzzy_transpositions: false }), [])
  })

  test('are refused on numbers, by the name of the clause they are', () => {
    const refused = (query: string, message: string) =>
      assertRefused({ query_string: { query, default_field: 'description' } }, message)
    refused('expiresAt:/1/', 'Can only use regexp queries on keyword and text fields')
    refused('expiresAt:1*', 'Can only use prefix queries on keyword, text and wildcard fields')
    refused('expiresAt:?1', 'Can only use wildcard queries on keyword, text and wildcard fields')
    refused('expiresAt:1~', 'Can only use fuzzy queries on keyword and text fields')
  })

  test('may be comparisons with the one field that is named with a boost', async () => {
    const query_string = { query: '>=360000', default_field: 'ttl^2' }
    assert.deepEqual(await find({ query_string }), ['gate', 'call', 'empty'])
  })
})
