import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { SEARCHABLE_FIELDS } from '../../query/fields.ts'
import { QueryError } from '../../query/query-error.ts'
import { parseKeySearch } from '../../query/search-body.ts'
import { aKey, anEvent, numbers, userId } from '../contract/records.ts'
import { prepareAudit } from './audit-store.ts'
import { indexAll } from './catch-up.ts'
import type { SqliteDatabase } from './database.ts'
import { createKeyStore } from './key-store.ts'
import { openDatabase } from './open-database.ts'
import { searchKeys } from './search.ts'
import { prepareSearchIndex } from './search-index.ts'

/** How long a search may keep a verification on the same process waiting, in ms. */
const DELAY_MAX_MS = 20
const RUNS_MAX = 10
/** Enough that no query below ends within that time. */
const KEYS = 20_000
const OWNER = userId('owner-of-many')
const BOUNDS = { waitingMax: 100_000, lockWaitMaxMs: 1_000 }
const MANY_WORDS = numbers(1_000).map((n) => `word${n}`)

const HOSTILE: Readonly<Record<string, unknown>> = {
  'a leading wildcard': { wildcard: { description: '*a*e*i*' } },
  'a leading wildcard on a keyword': { wildcard: { ttl: '*0*0*' } },
  'a regular expression full of stars': { regexp: { description: '.*.*.*x.*' } },
  'a nested star on a keyword': { regexp: { ttl: '(.*.*)*0' } },
  'two edits': { fuzzy: { description: { value: 'sensor', fuzziness: 2 } } },
  'edits of a keyword that all keys have': { fuzzy: { userId: 'owner-of-mani' } },
  'a word of every key': { match: { description: 'device' } },
  'a phrase of common words': { match_phrase: { description: 'device sensor' } },
  'all keys but some': { bool: { must_not: { match: { description: 'sensor' } } } },
  'a range of every key': { range: { expiresAt: { lt: 0 } } },
  'a thousand clauses': { bool: { should: MANY_WORDS.map((word) => ({ term: { description: word } })) } },
  'tens of thousands of values': { terms: { ttl: numbers(30_000).map(String) } },
  'patterns that people type': { query_string: { query: '*a* *b* *c*' } },
}

describe(`searches among ${KEYS} keys leave others their turns`, () => {
  let database: SqliteDatabase

  before(async () => {
    database = await openDatabase(':memory:', BOUNDS)
    const event = anEvent('key.create')
    const keys = createKeyStore(database, prepareAudit(database), () => undefined)
    const kinds = ['sensor', 'gateway', 'relay', 'badge']
    await Promise.all(
      numbers(KEYS).map((n) =>
        keys.insert(
          aKey(`key-${n}`, OWNER, { description: `device ${kinds[n % 4]} number ${n % 997}`, ttlMs: n + 1 }),
          undefined,
          event,
        ),
      ),
    )
    await indexAll(database, prepareSearchIndex(database), OWNER)
  })

  after(() => database.close())

  for (const [name, query] of Object.entries(HOSTILE)) {
    test(`${name} never computes for ${DELAY_MAX_MS} ms at a stretch`, () =>
      assertLeavesTurns(() => search(query)))
  }

  test(`making the index anew never computes for ${DELAY_MAX_MS} ms at a stretch`, () =>
    assertLeavesTurns(
      () => indexAll(database, prepareSearchIndex(database), OWNER),
      () => database.statement('DELETE FROM key_index_owner').run(),
    ))

  async function search(query: unknown): Promise<void> {
    const scope = { mapping: SEARCHABLE_FIELDS['api-keys'], now: 0 }
    try {
      await searchKeys(database, OWNER, parseKeySearch(query, { from: 0, size: 10 }, 'elasticsearch', scope))
    } catch (error) {
      assert.ok(error instanceof QueryError && error.code === 'too_expensive')
    }
  }
})

async function assertLeavesTurns(
  work: () => Promise<void>,
  prepare: () => unknown = () => undefined,
): Promise<void> {
  // A busy machine only ever adds to what a run takes, so the best one tells what the work itself needs.
  let shortest = Number.POSITIVE_INFINITY
  for (let run = 0; run < RUNS_MAX && shortest >= DELAY_MAX_MS; run++) {
    prepare()
    const { ms, turns } = await longestStretch(work)
    assert.ok(turns > 0)
    shortest = Math.min(shortest, ms)
  }
  assert.ok(shortest < DELAY_MAX_MS, `${shortest.toFixed(1)} ms`)
}

/**
 * The longest that this thread computed between two turns of the event loop. Counted in CPU time, so that other programs on
 * the machine do not count.
 */
async function longestStretch(
  work: () => Promise<void>,
): Promise<{ readonly ms: number; readonly turns: number }> {
  let isWorking = true
  let turns = 0
  let micros = 0
  let before = threadMicros()
  const watch = (): void => {
    const now = threadMicros()
    micros = Math.max(micros, now - before)
    before = now
    turns += 1
    if (isWorking) setImmediate(watch)
  }
  setImmediate(watch)
  await work()
  await new Promise((resolve) => setImmediate(resolve))
  isWorking = false
  return { ms: micros / 1000, turns }
}

function threadMicros(): number {
  const { user, system } = process.threadCpuUsage()
  return user + system
}
