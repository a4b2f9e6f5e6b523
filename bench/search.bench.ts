import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { UserId } from '../server/src/core/ids.ts'
import type { Storage } from '../server/src/core/ports/storage.ts'
import { openStorage } from '../server/src/storage/open-storage.ts'
import { describeMachine, median, percentile } from './machine.ts'
import { type CreateRate, fillOwners, type InsertRates, measureInserts } from './search-inserts.ts'
import { type BenchSearch, searchesOf } from './searches.ts'
import { startBenchServer } from './servers.ts'

/** Keys of one owner. The largest number can be lowered, for a look at the smaller ones. */
const OWNER_KEYS = [10, 1_000, 10_000, Number(process.env['BENCH_SEARCH_KEYS'] ?? 1_000_000)]
const OWNERS = 50_000
const ROUNDS = 25
const WARM_UP_ROUNDS = 2
const MAIN = new URL('../server/src/main.ts', import.meta.url).pathname

/** How one search went, again and again, for one owner. */
type Timed = {
  readonly search: BenchSearch
  readonly total: number
  readonly times: readonly number[]
  /** Processor time of the same runs: steadier than the clock on a machine that others use, too. */
  readonly cpuTimes: readonly number[]
  /** Longest time during which nothing else could run. */
  readonly pauseMs: number
}

/** An owner with that many keys. */
type Subject = { readonly owner: UserId; readonly keys: number; readonly label: string }

/**
 * Searches among the keys of owners with 10, 1,000, 10,000 and a million keys, and of one of 50,000 owners who share
 * another million, all in one file; then what the index of descriptions costs when keys are created.
 */
export async function runBenchmark(): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'latchkey-bench-'))
  try {
    const file = join(directory, 'search.db')
    const most = Math.max(...OWNER_KEYS)
    const filled = await fillOwners(file, OWNER_KEYS.map(subjectOf), { owners: OWNERS, keys: most })
    const fileMiB = statSync(file).size / 2 ** 20
    const subjects = [
      ...OWNER_KEYS.map(subjectOf),
      { owner: 'owner-17' as UserId, keys: Math.ceil(most / OWNERS), label: `one of ${number(OWNERS)}` },
    ]
    const storage = await openStorage(`sqlite:${file}`)
    const timed = new Map<Subject, readonly Timed[]>()
    for (const subject of subjects) {
      process.stderr.write(`  searching ${subject.label}\n`)
      timed.set(subject, await timeSearches(storage, subject))
    }
    process.stderr.write('  inserting\n')
    const inserts = await measureInserts(storage, subjectOf(most).owner, most)
    await storage.close()
    process.stderr.write('  over HTTP\n')
    const overHttp = await timeOverHttp(file, subjects)
    return report({ filled, fileMiB, timed, inserts, overHttp })
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

function subjectOf(keys: number): Subject {
  return { owner: `holder-of-${keys}` as UserId, keys, label: `${number(keys)} keys` }
}

/** Every search in turn, round by round, so that a noisy machine disturbs all alike. */
async function timeSearches(storage: Storage, { owner, keys }: Subject): Promise<readonly Timed[]> {
  const delays = monitorEventLoopDelay({ resolution: 1 })
  const runs = searchesOf(owner, keys).map((search) => ({
    search,
    total: 0,
    times: [] as number[],
    cpuTimes: [] as number[],
    pauseMs: 0,
  }))
  for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round++) {
    for (const run of runs) {
      delays.reset()
      delays.enable()
      const cpuBefore = process.cpuUsage()
      const startedAt = performance.now()
      const page = await storage.keys.search(owner, run.search.parse())
      const took = performance.now() - startedAt
      const cpu = process.cpuUsage(cpuBefore)
      delays.disable()
      run.total = page.total
      if (round < 0) continue
      run.times.push(took)
      run.cpuTimes.push((cpu.user + cpu.system) / 1000)
      // A search that never let go of the event loop leaves no trace in the histogram.
      run.pauseMs = Math.max(run.pauseMs, delays.count === 0 ? took : delays.max / 1e6)
    }
  }
  return runs
}

type OverHttp = { readonly label: string; readonly name: string; readonly times: readonly number[] }

/** Some searches as a client makes them, one after the other over one connection. */
async function timeOverHttp(file: string, subjects: readonly Subject[]): Promise<readonly OverHttp[]> {
  const server = await startBenchServer(
    MAIN,
    ['--port', '0', '--storage', `sqlite:${file}`, '--data-dir', dirname(file)],
    { LATCHKEY_LOG_LEVEL: 'warn' },
  )
  const post = async (path: string, body: unknown, token = '') => {
    const answer = await fetch(server.url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) },
      body: JSON.stringify(body),
    })
    const { result, error } = JSON.parse(await answer.text())
    if (error !== null) throw new Error(`${path}: ${error.message}`)
    return result
  }
  try {
    const credentials = { local: { username: 'admin', password: 'a password for benchmarks' } }
    await post('/_createFirstAdmin/admin', { content: {}, credentials })
    const { jwt } = await post('/_login/local', credentials.local)
    const runs = subjects.flatMap(({ owner, keys, label }) =>
      searchesOf(owner, keys)
        .filter((search) => search.overHttp)
        .map((search) => ({ owner, search, label, name: search.name, times: [] as number[] })),
    )
    for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round++) {
      for (const { owner, search, times } of runs) {
        const startedAt = performance.now()
        await post(`/users/${owner}/api-keys/_search?from=${search.from}`, search.body, jwt)
        if (round >= 0) times.push(performance.now() - startedAt)
      }
    }
    return runs
  } finally {
    await server.stop()
  }
}

const number = (value: number): string => value.toLocaleString('en')

/** Milliseconds with as many digits as they deserve. */
const ms = (value: number): string => value.toFixed(value < 10 ? 2 : 0)

const p95 = (times: readonly number[]): string => ms(percentile(times, 95))

type Measured = {
  readonly filled: readonly { readonly label: string; readonly perSecond: number }[]
  readonly fileMiB: number
  readonly timed: ReadonlyMap<Subject, readonly Timed[]>
  readonly inserts: InsertRates
  readonly overHttp: readonly OverHttp[]
}

function report({ filled, fileMiB, timed, inserts, overHttp }: Measured): string {
  const subjects = [...timed.keys()]
  const largest = subjects.reduce((most, subject) => (subject.keys > most.keys ? subject : most))
  const others = subjects.filter((subject) => subject !== largest)
  const slowdown = (1 - overall(inserts.with) / overall(inserts.without)) * 100
  const cpuSlowdown = (1 - cpuOf(inserts.without) / cpuOf(inserts.with)) * 100
  return `# Searching for API keys

\`npm run bench -- search\`: ${describeMachine()}.

All keys are in one SQLite file of ${fileMiB.toFixed(0)} MiB. Descriptions have 4 to 9 words. Every figure is of ${ROUNDS} rounds in which the
searches take turns; parsing the query is included. A pause is the longest time for which a search kept the event loop
to itself: no other request is answered meanwhile.

## One owner with ${largest.label}

| Search | hits | median ms | p95 ms | CPU ms, median | longest pause ms | goal for p95, ms |
|---|---|---|---|---|---|---|
${(timed.get(largest) ?? []).map(largestRow).join('\n')}

## Other owners in the same file

Median / p95 in ms.

| Search | ${others.map((subject) => subject.label).join(' | ')} |
|---|${others.map(() => '---|').join('')}
${otherRows(timed, others).join('\n')}

## Over HTTP

As an administrator, one request after the other over one connection.

| Owner | Search | median ms | p95 ms |
|---|---|---|---|
${overHttp.map(({ label, name, times }) => `| ${label} | ${name} | ${ms(median(times))} | ${p95(times)} |`).join('\n')}

## What the index costs when keys are created

Durable creates through the storage driver, with their audit events, ${number(inserts.atOnce)} under way: ${inserts.rounds} rounds of ${number(inserts.perRound)} creates
in which both take turns. All of the index's upkeep is in them: batches, and every merge of their segments that so many keys
bring about. Descriptions of owners with few keys are not indexed.

| Owner | creates/s, all rounds | median | min-max | CPU µs a create |
|---|---|---|---|---|
| with few keys, no index | ${rateCells(inserts.without)} |
| ${largest.label}, with index | ${rateCells(inserts.with)} |

With the index it is ${slowdown.toFixed(0)} % slower, by processor time ${cpuSlowdown.toFixed(0)} %; the goal is less than 25 %.

## Filling

Creates without audit events: ${filled.map(({ label, perSecond }) => `${label}: ${number(Math.round(perSecond))}/s`).join(', ')}.
`
}

function largestRow({ search, total, times, cpuTimes, pauseMs }: Timed): string {
  const reached = percentile(times, 95) < search.goalMs ? 'reached' : 'missed'
  const cells = [
    ms(median(times)),
    p95(times),
    ms(median(cpuTimes)),
    ms(pauseMs),
    `< ${search.goalMs} ${reached}`,
  ]
  return `| ${search.name} | ${number(total)} | ${cells.join(' | ')} |`
}

function otherRows(
  timed: ReadonlyMap<Subject, readonly Timed[]>,
  subjects: readonly Subject[],
): readonly string[] {
  const columns = subjects.map((subject) => timed.get(subject) ?? [])
  return (columns[0] ?? []).map(({ search }, row) => {
    const cells = columns.map((column) => {
      const times = column[row]?.times ?? []
      return `${ms(median(times))} / ${p95(times)}`
    })
    return `| ${search.name} | ${cells.join(' | ')} |`
  })
}

function rateCells(rates: readonly CreateRate[]): string {
  const perSecond = rates.map((rate) => rate.perSecond)
  const all = [overall(rates), median(perSecond), Math.min(...perSecond), Math.max(...perSecond)]
  const cells = all.map((rate) => rate.toFixed(0))
  return `${cells[0]} | ${cells[1]} | ${cells[2]}-${cells[3]} | ${cpuOf(rates).toFixed(1)}`
}

/** Creates a second in rounds of equal size, taken together. */
function overall(rates: readonly CreateRate[]): number {
  return rates.length / rates.reduce((seconds, { perSecond }) => seconds + 1 / perSecond, 0)
}

function cpuOf(rates: readonly CreateRate[]): number {
  return rates.reduce((sum, { cpuMicros }) => sum + cpuMicros, 0) / rates.length
}
