import type { ApiKey } from '../../core/keys/api-key.ts'
import { aKey, numbers } from './records.ts'

/** More keys of one owner than one statement reads. */
export function manyKeys(owner: string, count = 13_000): readonly ApiKey[] {
  return numbers(count).map((n) =>
    aKey(`k${n}`, owner, {
      description: `common word${n} ${n % 2 === 0 ? 'even even' : 'odd'} site${n % 900}`,
      ...(n % 3 === 0 && { ttlMs: 42, expiresAt: n }),
    }),
  )
}

const onDescription = (clause: string, value: unknown) => ({ [clause]: { description: value } })
const recent = { range: { expiresAt: { gt: 6_000 } } }

/** Queries of every kind that find some of those. */
export const QUERIES_OF_MANY: readonly object[] = [
  {},
  onDescription('match', 'common'),
  onDescription('match', 'even odd'),
  onDescription('match', { query: 'common even site7', operator: 'and' }),
  onDescription('match', { query: 'common', fuzziness: 1 }),
  onDescription('match_phrase', 'even site8'),
  onDescription('match_phrase', { query: 'even even', slop: 1 }),
  onDescription('match_phrase_prefix', 'odd site10'),
  onDescription('prefix', 'word12'),
  onDescription('prefix', 'co'),
  onDescription('wildcard', '*ord9*'),
  onDescription('wildcard', 'w*1'),
  onDescription('regexp', 'word1[0-9]{3}7'),
  onDescription('fuzzy', 'wrd77'),
  onDescription('terms', ['word5', 'site3', 'nothing']),
  onDescription('range', { gte: 'odd', lte: 'site100' }),
  { bool: { must: onDescription('match', 'common'), filter: recent } },
  { bool: { must: [onDescription('match', 'even'), { term: { ttl: '42' } }], must_not: recent } },
  { bool: { must_not: [onDescription('match', 'even'), recent] } },
  { bool: { should: [onDescription('match', 'site4'), recent], minimum_should_match: 2 } },
  { bool: { must: onDescription('match', 'site5'), filter: { ids: { values: ['k5', 'k905'] } } } },
  { bool: { must_not: onDescription('match', 'even'), filter: { term: { ttl: 42 } } } },
  { dis_max: { queries: [onDescription('match', 'word5000'), recent], tie_breaker: 0.5 } },
]
