import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseElasticsearch } from './elasticsearch.ts'
import { SEARCHABLE_FIELDS } from './fields.ts'
import type { Mapping } from './mapping.ts'
import { isRanked } from './ranking.ts'

function ranks(query: unknown, mapping: Mapping = SEARCHABLE_FIELDS['api-keys']): boolean {
  return isRanked(parseElasticsearch(query, { mapping, now: 0 }), (field) => field !== 'description')
}

const WORD = { match: { description: 'lora' } }
const OWNER = { term: { userId: 'ann' } }
const LIFE = { range: { ttl: { gte: '4' } } }

describe('the order of matches', () => {
  test('is that of creation when a clause is only true or false', () => {
    for (const query of [
      { match_all: {} },
      { match_none: {} },
      OWNER,
      LIFE,
      { term: { expiresAt: -1 } },
      { terms: { description: ['lora', 'key'] } },
      { prefix: { description: 'lo' } },
      { wildcard: { description: '*o*' } },
      { exists: { field: 'description' } },
      { ids: { values: ['a'] } },
      { constant_score: { filter: WORD } },
      { bool: { must: [OWNER, LIFE], filter: WORD, must_not: WORD } },
      { bool: { should: OWNER } },
      { dis_max: { queries: [OWNER] } },
    ]) {
      assert.equal(ranks(query), false, JSON.stringify(query))
    }
  })

  test('is by score when words, misspellings, phrases or alternatives make a difference', () => {
    for (const query of [
      WORD,
      { fuzzy: { userId: 'ann' } },
      { match_phrase: { description: 'api key' } },
      { match_phrase_prefix: { description: 'api k' } },
      { multi_match: { query: 'lora', fields: ['description'], type: 'cross_fields' } },
      { terms_set: { userId: { terms: ['a'], minimum_should_match_field: 'expiresAt' } } },
      { boosting: { positive: OWNER, negative: LIFE, negative_boost: 0.1 } },
      { bool: { must: WORD } },
      { bool: { should: [OWNER, LIFE] } },
      { bool: { should: [OWNER, LIFE], minimum_should_match: 2 } },
      { bool: { filter: LIFE, should: OWNER } },
      { bool: { must: { bool: { should: WORD } } } },
      { dis_max: { queries: [OWNER, LIFE] } },
      { dis_max: { queries: [WORD] } },
    ]) {
      assert.equal(ranks(query), true, JSON.stringify(query))
    }
  })

  test('is by score of nested objects, unless they have none', () => {
    const path = 'policies.restrictedTo'
    const nested = (more: object) => ({
      nested: { path, query: { exists: { field: `${path}.index` } }, ...more },
    })
    assert.equal(ranks(nested({}), SEARCHABLE_FIELDS.profiles), true)
    assert.equal(ranks(nested({ score_mode: 'none' }), SEARCHABLE_FIELDS.profiles), false)
  })
})
