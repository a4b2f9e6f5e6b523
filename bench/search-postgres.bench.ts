import type { UserId } from '../server/src/core/ids.ts'
import type { Storage } from '../server/src/core/ports/storage.ts'
import { sql } from '../server/src/query/sql/sql-text.ts'
import { openStorage } from '../server/src/storage/open-storage.ts'
import { indexAll } from '../server/src/storage/postgres/catch-up.ts'
import { parseConnectionUrl } from '../server/src/storage/postgres/connection-url.ts'
import { PostgresDatabase } from '../server/src/storage/postgres/database.ts'
import { startPostgres } from '../server/src/storage/postgres/testing/postgres-server.ts'
import { fillOwner } from './fill-postgres.ts'
import { describeMachine, median, percentile } from './machine.ts'
import { type CreateRate, type InsertRates, measureInserts } from './search-inserts.ts'
import { type BenchSearch, searchesOf, sortedSearchesOf } from './searches.ts'

/** Keys of the one owner. Can be lowered, for a look at a smaller one. */
const OWNER_KEYS = Number(process.env['BENCH_SEARCH_KEYS'] ?? 1_000_000)
const OWNER = 'holder' as UserId
const ROUNDS = Number(process.env['BENCH_SEARCH_ROUNDS'] ?? 25)
const WARM_UP_ROUNDS = 2

/** What 95 of 100 usual searches shall stay below, in ms. */
const USUAL_MS = 50

const BOUNDS = { connectionsMax: 4, waitingMax: 10_000, lockWaitMaxMs: 60_000 }

/** A server as its makers ship it, but for the memory that anybody would give it. */
const SERVER = {
  fsync: 'on',
  synchronous_commit: 'on',
  full_page_writes: 'on',
  shared_buffers: '1GB',
  max_wal_size: '4GB',
}

type Timed = { readonly search: BenchSearch; total: number; readonly times: number[] }

/**
 * Searches among a million keys of one owner in PostgreSQL, on the same machine as the node that searches; then what
 * creating keys for that owner costs beside creating them for others.
 */
export async function runBenchmark(): Promise<string> {
  const server = await startPostgres(SERVER)
  try {
    const url = await server.newStore()
    await (await openStorage(url)).close()
    const database = new PostgresDatabase(parseConnectionUrl(url), BOUNDS)
    await fillOwner(database, OWNER, OWNER_KEYS)
    process.stderr.write('  indexing\n')
    const startedAt = performance.now()
    await indexAll(database, OWNER)
    const indexSeconds = (performance.now() - startedAt) / 1000
    // What the server does by itself when it is left alone for a minute.
    await database.readMany(sql`VACUUM (ANALYZE)`)
    const sizes = await sizesIn(database)
    await database.close()

    const storage = await openStorage(url)
    process.stderr.write('  searching\n')
    const timed = await timeSearches(storage)
    process.stderr.write('  inserting\n')
    const inserts = await measureInserts(storage, OWNER, OWNER_KEYS)
    await storage.close()
    return report({ timed, inserts, indexSeconds, sizes })
  } finally {
    await server.stop()
  }
}

/** Sizes in MiB: of the keys with their indexes, and of the index of descriptions. */
async function sizesIn(database: PostgresDatabase): Promise<readonly [keys: number, words: number]> {
  const [row] = await database.readMany(sql`SELECT pg_total_relation_size('keys') / 1048576.0,
    pg_total_relation_size('key_index_chunk') / 1048576.0`)
  return [Number(row?.[0]), Number(row?.[1])]
}

/** Every search in turn, round by round, so that a noisy machine disturbs all alike. */
async function timeSearches(storage: Storage): Promise<readonly Timed[]> {
  const searches = [...searchesOf(OWNER, OWNER_KEYS), ...sortedSearchesOf(OWNER_KEYS)]
  const runs = searches.map((search) => ({ search, total: 0, times: [] as number[] }))
  for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round++) {
    for (const run of runs) {
      const startedAt = performance.now()
      const page = await storage.keys.search(OWNER, run.search.parse())
      const took = performance.now() - startedAt
      run.total = page.total
      if (round >= 0) run.times.push(took)
    }
  }
  return runs
}

const number = (value: number): string => value.toLocaleString('en')

/** Milliseconds with as many digits as they deserve. */
const ms = (value: number): string => value.toFixed(value < 10 ? 2 : 0)

type Measured = {
  readonly timed: readonly Timed[]
  readonly inserts: InsertRates
  readonly indexSeconds: number
  readonly sizes: readonly [keys: number, words: number]
}

function report({ timed, inserts, indexSeconds, sizes }: Measured): string {
  const share = (overall(inserts.without) / overall(inserts.with)) * 100
  return `# Searching for API keys in PostgreSQL

\`npm run bench -- search-postgres\`: ${describeMachine()}; PostgreSQL on the same machine.

One owner with ${number(OWNER_KEYS)} keys, whose descriptions have 4 to 9 words: ${sizes[0].toFixed(0)} MiB with their indexes, and
${sizes[1].toFixed(0)} MiB for the index of descriptions, which one node made in ${indexSeconds.toFixed(0)} s. Every figure is of ${ROUNDS} rounds in which the
searches take turns; parsing the query is included. The goal is for the searches that are usual.

| Search | hits | median ms | p95 ms | goal for p95, ms |
|---|---|---|---|---|
${timed.map(rowOf).join('\n')}

## What creating keys costs

Durable creates through the storage driver, with their audit events, ${number(inserts.atOnce)} under way: ${inserts.rounds} rounds of ${number(inserts.perRound)} creates
in which both take turns. Nothing is indexed by creating keys.

| Owner | creates/s, all rounds | median | min-max |
|---|---|---|---|
| with few keys | ${rateCells(inserts.without)} |
| with ${number(OWNER_KEYS)} keys, indexed | ${rateCells(inserts.with)} |

A key of the indexed owner takes ${share.toFixed(0)} % of the time that one of another owner takes.
`
}

function rowOf({ search, total, times }: Timed): string {
  const p95 = percentile(times, 95)
  const goal = search.isUsual ? `< ${USUAL_MS} ${p95 < USUAL_MS ? 'reached' : 'missed'}` : ''
  return `| ${search.name} | ${number(total)} | ${ms(median(times))} | ${ms(p95)} | ${goal} |`
}

function rateCells(rates: readonly CreateRate[]): string {
  const perSecond = rates.map((rate) => rate.perSecond)
  const cells = [overall(rates), median(perSecond), Math.min(...perSecond), Math.max(...perSecond)]
  const [all, middle, least, most] = cells.map((rate) => rate.toFixed(0))
  return `${all} | ${middle} | ${least}-${most}`
}

/** Creates a second in rounds of equal size, taken together. */
function overall(rates: readonly CreateRate[]): number {
  return rates.length / rates.reduce((seconds, { perSecond }) => seconds + 1 / perSecond, 0)
}
