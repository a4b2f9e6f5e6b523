import type { UserId } from '../server/src/core/ids.ts'
import { SEARCHABLE_FIELDS } from '../server/src/query/fields.ts'
import type { Search } from '../server/src/query/search.ts'
import { parseCollectionSearch, parseKeySearch } from '../server/src/query/search-body.ts'
import { createdAtOf, fingerprintOfKey, RARE_WORD } from './described-keys.ts'

/** A search of the benchmark. */
export type BenchSearch = {
  readonly name: string
  /** The query as a client sends it. */
  readonly body: unknown
  readonly from: number
  /** What 95 of 100 runs shall stay below with a million keys, in ms. */
  readonly goalMs: number
  readonly overHttp: boolean
  /** One of those that are made all the time. */
  readonly isUsual: boolean
  /** Reads the query, as the API does. */
  parse(): Search
}

const PAGE = 10

/** The last page that can be reached. */
const LAST_FROM = 9_990

const SOON = 5
const RANKED = 120
const BOUNDED = 500

const onDescription = (clause: string, value: unknown) => ({ [clause]: { description: value } })

/** What is searched of an owner's keys. */
export function searchesOf(owner: UserId, keys: number): readonly BenchSearch[] {
  const search = (name: string, goalMs: number, body: unknown, options: Partial<BenchSearch> = {}) => {
    const from = options.from ?? 0
    const scope = { mapping: SEARCHABLE_FIELDS['api-keys'], now: createdAtOf(keys) }
    const parse = () => parseKeySearch(body, { from, size: PAGE }, 'elasticsearch', scope)
    const isUsual = goalMs < BOUNDED || options.isUsual === true
    return { name, goalMs, body, overHttp: false, ...options, from, isUsual, parse }
  }
  const middle = Math.floor(keys / 2)
  const recent = { range: { '_kuzzle_info.createdAt': { gte: createdAtOf(keys - Math.ceil(keys / 10)) } } }
  const overHttp = true
  return [
    search('match_all, first page', SOON, { match_all: {} }, { overHttp }),
    search('match_all from 9,990', BOUNDED, { match_all: {} }, { from: LAST_FROM, isUsual: true }),
    search('fingerprint', SOON, { term: { fingerprint: fingerprintOfKey(owner, middle) } }, { overHttp }),
    search('prefix of a fingerprint', SOON, {
      prefix: { fingerprint: fingerprintOfKey(owner, middle).slice(0, 8) },
    }),
    search('match, rare word', SOON, onDescription('match', RARE_WORD), { overHttp }),
    search('match, no such word', SOON, onDescription('match', 'submarine')),
    search('match, common word', RANKED, onDescription('match', 'production'), { overHttp }),
    search('match, two common words', BOUNDED, onDescription('match', 'sensor production')),
    search('match, both of two common words', BOUNDED, {
      match: { description: { query: 'sensor production', operator: 'and' } },
    }),
    search('match, a common and a rare word', BOUNDED, onDescription('match', `production ${RARE_WORD}`)),
    search('match, misspelt', BOUNDED, { match: { description: { query: 'zepelin', fuzziness: 'AUTO' } } }),
    search('phrase of common words', BOUNDED, onDescription('match_phrase', 'sensor production')),
    search('phrase, unfinished', BOUNDED, onDescription('match_phrase_prefix', 'sensor produ')),
    search('prefix, few keys', SOON, onDescription('prefix', 'zepp')),
    search('prefix, many keys', BOUNDED, onDescription('prefix', 'gatew'), { isUsual: true }),
    search('wildcard within words', BOUNDED, onDescription('wildcard', '*linmont*')),
    search('wildcard, serial numbers', BOUNDED, onDescription('wildcard', 'sn*42?')),
    search('regexp', BOUNDED, onDescription('regexp', 'sn[0-9]*(17|71)')),
    search('recent and common and not rotated', BOUNDED, {
      bool: {
        filter: [recent],
        must: [onDescription('match', 'production')],
        must_not: [onDescription('match', 'rotated')],
      },
    }),
    search('recent', BOUNDED, recent, { isUsual: true }),
    search('without a common word', BOUNDED, { bool: { must_not: onDescription('match', 'production') } }),
    search('query_string', BOUNDED, {
      query_string: { query: 'description:(sensor AND produ* AND NOT rotated) AND expiresAt:\\-1' },
    }),
  ]
}

/** Pages of an owner's keys in another order than that of creation. */
export function sortedSearchesOf(keys: number): readonly BenchSearch[] {
  const search = (name: string, body: object, from = 0): BenchSearch => {
    const scope = { mapping: SEARCHABLE_FIELDS['api-keys'], now: createdAtOf(keys) }
    const parse = () => parseCollectionSearch(body, { from, size: PAGE }, 'elasticsearch', scope).search
    return { name, body, from, goalMs: RANKED, overHttp: false, isUsual: true, parse }
  }
  const newest = [{ '_kuzzle_info.createdAt': 'desc' }]
  const ending = { range: { expiresAt: { gte: createdAtOf(keys - Math.ceil(keys / 20)) } } }
  return [
    search('newest first', { sort: newest }),
    search('newest first, from 9,990', { sort: newest }, LAST_FROM),
    search('newest first, after a key in the middle', {
      sort: [...newest, { _id: 'asc' }],
      search_after: [createdAtOf(Math.floor(keys / 2)), 'x'],
    }),
    search('those that end first, first', { sort: [{ expiresAt: 'asc' }] }),
    search('those that end last, first', { sort: [{ expiresAt: 'desc' }] }),
    search('ending late, those that end first, first', { query: ending, sort: [{ expiresAt: 'asc' }] }),
    search('how many end late', { query: ending }),
  ]
}
