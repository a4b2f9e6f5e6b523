import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { SEARCHABLE_FIELDS } from './fields.ts'
import { QueryError } from './query-error.ts'
import { parseKeySearch, type QueryLanguage } from './search-body.ts'

/** How long reading a query may keep a verification on the same process waiting, in ms. */
const DELAY_MAX_MS = 20
const RUNS_MAX = 20
/** Values that one list may have. */
const VALUES = Array.from({ length: 65_536 }, (_, n) => n)
/** Characters of the longest body that is accepted, about. */
const CHARACTERS = 1_000_000

const texts = VALUES.map((n) => `value ${n}`)
const on = (clause: string, field: string, value: unknown) => ({ [clause]: { [field]: value } })

const LARGEST: Readonly<Record<string, unknown>> = {
  'a list of keywords': on('terms', 'userId', texts),
  'a list of keywords in lower case': on('terms', 'fingerprint', texts),
  'a list of numbers for keywords': on('terms', 'ttl', VALUES),
  'a list of words': on('terms', 'description', texts),
  'a list of numbers': on('terms', 'expiresAt', VALUES),
  'a list of instants': on('terms', '_kuzzle_info.createdAt', VALUES),
  'a list of days': on(
    'terms',
    '_kuzzle_info.createdAt',
    VALUES.map((n) => new Date(n * 86_400_000).toISOString().slice(0, 10)),
  ),
  'as many days as are read': on(
    'terms',
    '_kuzzle_info.createdAt',
    VALUES.slice(0, 4_800).map((n) => new Date(n * 86_400_000).toISOString().slice(0, 10)),
  ),
  'as much date math as is read': on(
    'terms',
    '_kuzzle_info.createdAt',
    VALUES.slice(0, 4_000).map((n) => `now-${n}y/M`),
  ),
  'a list of ids': { ids: { values: texts } },
  'words without end': on('match', 'description', 'word '.repeat(CHARACTERS / 5)),
  'as many words as are read': on('match', 'description', 'words '.repeat(8_000)),
  'parentheses without end': { query_string: { query: '('.repeat(CHARACTERS) } },
  'as many parentheses as are read': { simple_query_string: { query: '('.repeat(49_000) } },
  'a pattern without end': on('wildcard', 'ttl', '*a'.repeat(CHARACTERS / 2)),
  'patterns without end': {
    bool: { should: Array.from({ length: 1000 }, () => on('regexp', 'ttl', '(a|b)*c{1,5}[a-z]'.repeat(55))) },
  },
}

describe('reading the largest queries leaves others their turns', () => {
  for (const [name, query] of Object.entries(LARGEST)) {
    test(`${name} never computes for ${DELAY_MAX_MS} ms`, () => read(query, 'elasticsearch'))
  }
  test(`a Koncorde list never computes for ${DELAY_MAX_MS} ms`, () => {
    read({ or: [{ in: { userId: texts } }] }, 'koncorde')
  })
})

/** Counted in CPU time; a busy machine only ever adds to that, so the best of several runs counts. */
function read(query: unknown, language: QueryLanguage): void {
  let shortest = Number.POSITIVE_INFINITY
  for (let run = 0; run < RUNS_MAX && shortest >= DELAY_MAX_MS; run += 1) {
    const startedAt = threadMs()
    try {
      const scope = { mapping: SEARCHABLE_FIELDS['api-keys'], now: 0 }
      parseKeySearch(query, { from: 0, size: 10 }, language, scope)
    } catch (error) {
      assert.ok(error instanceof QueryError, String(error))
    }
    shortest = Math.min(shortest, threadMs() - startedAt)
  }
  assert.ok(shortest < DELAY_MAX_MS, `${shortest.toFixed(1)} ms`)
}

function threadMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}
