import assert from 'node:assert/strict'
import { after, afterEach, before, describe, test } from 'node:test'
import fc from 'fast-check'
import type { CountedLimit, LimitOutcome } from '../../core/keys/rate-limits.ts'
import { numbers } from '../contract/records.ts'
import { parseConnectionUrl } from './connection-url.ts'
import { PostgresDatabase } from './database.ts'
import { migrate, readMigrations } from './migrate.ts'
import { PostgresRateCounters } from './rate-counters.ts'
import { purgeRates } from './rate-statements.ts'
import { type PostgresServer, postgresIsMissing, startPostgres } from './testing/postgres-server.ts'

const NOW = 1_800_000_000_000
const DAY = 86_400_000

/** Nothing flows back while a test runs. */
const WINDOW = 3_650 * DAY

const PATIENT = { rateWaitMaxMs: 120_000, now: () => performance.now() }
const POOL = { connectionsMax: 4, waitingMax: 10_000, lockWaitMaxMs: 120_000 }

function aLimit(counter: string, limit: number, windowMs = WINDOW): CountedLimit {
  return { counter, limit: { name: counter, limit, windowMs } }
}

describe('rate limits over three nodes', { skip: postgresIsMissing() }, () => {
  let server: PostgresServer
  let url = ''
  let nodes: { readonly database: PostgresDatabase; readonly rates: PostgresRateCounters }[] = []
  before(async () => {
    server = await startPostgres()
  })
  after(() => server.stop())
  afterEach(async () => {
    for (const { database, rates } of nodes.splice(0)) {
      await rates.close()
      await database.close()
    }
  })

  const open = (bounds = PATIENT) => {
    const database = new PostgresDatabase(parseConnectionUrl(url), POOL)
    const rates = new PostgresRateCounters(database, bounds)
    nodes = [...nodes, { database, rates }]
    return { database, rates }
  }

  const openThree = async () => {
    url = await server.newStore()
    const first = open()
    await migrate(first.database, readMigrations())
    const all = [first.rates, open().rates, open().rates]
    const [a, b, c] = all
    assert.ok(a && b && c)
    return { a, b, c, all, database: first.database }
  }

  test('admit at most the limit, and at least the limit less a chunk for each node', async () => {
    const { a, all } = await openThree()
    await fc.assert(
      fc.asyncProperty(
        fc.uuid(),
        fc.integer({ min: 1, max: 500 }),
        fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 64, maxLength: 64 }),
        async (counter, limit, clients) => {
          const limits = [aLimit(counter, limit)]
          const admitted = await Promise.all(clients.map((n) => takeAll(all[n] ?? a, limits)))
          const total = admitted.reduce((sum, count) => sum + count, 0)
          const chunk = Math.max(1, Math.floor(limit / 20))
          assert.ok(total <= limit, `${total} of ${limit}`)
          assert.ok(total >= limit - 3 * chunk, `${total} of ${limit}`)
        },
      ),
      { numRuns: 25 },
    )
  })

  test('count the last uses exactly where nobody uses a limit often', async () => {
    const { all } = await openThree()
    const limits = [aLimit('k', 7)]
    const outcomes: LimitOutcome[] = []
    // A node that asked for one thing at a time holds one use at most, and is the next to be asked.
    for (const n of numbers(12)) {
      const rates = all[n % 3]
      assert.ok(rates)
      outcomes.push(await rates.take(limits, 7, NOW))
      assert.equal(outcomes[n]?.admitted, n === 0)
    }
    assert.equal(outcomes[5]?.states[0]?.remaining, 0)
    assert.ok((outcomes[5]?.retryAt ?? 0) > NOW)
  })

  test('count a use against all limits or none', async () => {
    const { a, b } = await openThree()
    const [wide, narrow] = [aLimit('wide', 100), aLimit('narrow', 2)]
    for (const admitted of [true, true, false, false]) {
      assert.equal((await a.take([wide, narrow], 1, NOW)).admitted, admitted)
    }
    await a.close()
    const remaining = (await b.preview([wide], 0, NOW)).states[0]?.remaining ?? 0
    assert.ok(remaining <= 98 && remaining >= 98 - 5, `${remaining}`)
    assert.equal((await b.take([wide], remaining + 1, NOW)).admitted, false)
  })

  test('refuse what never fits, and admit what costs nothing', async () => {
    const { a } = await openThree()
    const outcome = await a.take([aLimit('k', 5)], 6, NOW)
    assert.deepEqual([outcome.admitted, outcome.retryAt], [false, undefined])
    assert.equal((await a.take([aLimit('k', 5)], 5, NOW)).admitted, true)
    const read = await a.take([aLimit('k', 5)], 0, NOW)
    assert.deepEqual([read.admitted, read.states[0]?.remaining], [true, 0])
  })

  test('a use that was refused after all leaves nothing behind', async () => {
    const { a } = await openThree()
    const limits = [aLimit('k', 10)]
    for (const _ of numbers(30)) {
      const taken = await a.take(limits, 5, NOW)
      assert.ok(taken.admitted)
      a.giveBack(limits, 5, taken)
    }
    // A use at most is lost to what flows back meanwhile.
    assert.equal((await a.take(limits, 9, NOW)).admitted, true)
  })

  test('answer without a promise what they hold, and what they know to be refused', async () => {
    const { a } = await openThree()
    const limits = [aLimit('k', 1_000)]
    await Promise.all(numbers(10).map(() => a.take(limits, 1, NOW)))
    for (const _ of numbers(50)) {
      const outcome = a.take(limits, 1, NOW)
      assert.ok(!(outcome instanceof Promise))
      assert.ok(outcome.admitted)
    }
    assert.ok(a.take(limits, 1, NOW) instanceof Promise)
    const full = [aLimit('full', 1)]
    assert.equal((await a.take(full, 1, NOW)).admitted, true)
    const refused = a.take(full, 1, NOW)
    assert.ok(!(refused instanceof Promise))
    assert.equal(refused.admitted, false)
  })

  test('a node that is shut down gives back what it counted ahead', async () => {
    const { a, b } = await openThree()
    const limits = [aLimit('k', 400)]
    await Promise.all(numbers(10).map(() => a.take(limits, 1, NOW)))
    await a.close()
    assert.equal((await b.preview(limits, 0, NOW)).states[0]?.remaining, 390)
  })

  test('another limit of the same name is counted as the other from then on', async () => {
    const { a, b } = await openThree()
    for (const _ of numbers(5)) assert.ok((await a.take([aLimit('k', 5)], 1, NOW)).admitted)
    assert.equal((await a.take([aLimit('k', 5)], 1, NOW)).admitted, false)
    const next = [aLimit('k', 50)]
    assert.equal((await b.take(next, 1, NOW)).admitted, false)
    // Nobody waits longer than the window of now.
    const shorter = [aLimit('k', 50, 1)]
    while (!(await a.take(shorter, 50, NOW)).admitted) await new Promise((resolve) => setImmediate(resolve))
  })

  test('clocks of nodes make no difference', async () => {
    const { a, b } = await openThree()
    const limits = [aLimit('k', 10)]
    assert.equal((await a.take(limits, 10, NOW + 3_600_000)).admitted, true)
    const refused = await b.take(limits, 1, NOW - 3_600_000)
    assert.equal(refused.admitted, false)
    const wait = (refused.retryAt ?? 0) - (NOW - 3_600_000)
    assert.ok(wait > 0 && wait <= WINDOW / 10)
  })

  test('counters that are as if never used are forgotten', async () => {
    const { a, database } = await openThree()
    await a.take([aLimit('soon', 1, 1)], 1, NOW)
    await a.take([aLimit('late', 1)], 1, NOW)
    let forgotten = 0
    while (forgotten === 0) forgotten += (await database.changeBy(purgeRates(100))).count
    assert.equal(forgotten, 1)
    assert.equal((await a.preview([aLimit('late', 1)], 1, NOW)).admitted, false)
  })

  test('while the store does not answer, each node counts by itself from where the limit stood, and then together', async () => {
    const { a, b } = await openThree()
    const impatient = open({ ...PATIENT, rateWaitMaxMs: 200 }).rates
    const limits = [aLimit('k', 20)]
    assert.ok((await a.take(limits, 8, NOW)).admitted)
    // Heard of, so that it knows where the limit stands.
    while ((await impatient.preview(limits, 0, NOW)).states[0]?.remaining !== 12);
    server.freeze()
    try {
      const admitted = await takeAll(impatient, limits)
      assert.equal(admitted, 12)
      assert.ok(!(impatient.take(limits, 1, NOW) instanceof Promise), 'nobody waits')
    } finally {
      server.thaw()
    }
    assert.ok((await b.take(limits, 1, NOW)).admitted)
    const others = [aLimit('others', 1e9)]
    assert.ok((await b.take(others, 1e9, NOW)).admitted)
    // It asks again once in a while, when somebody comes.
    while ((await impatient.take(others, 1, NOW)).admitted)
      await new Promise((resolve) => setImmediate(resolve))
  })

  test('uses that were counted alone and given back bring back no others', async () => {
    const { a, b } = await openThree()
    const alone = open({ ...PATIENT, rateWaitMaxMs: 200 }).rates
    const limits = [aLimit('k', 20)]
    while (!(await alone.take(limits, 8, NOW)).admitted);
    const before = (await a.preview(limits, 0, NOW)).states[0]?.remaining ?? 0
    server.freeze()
    try {
      assert.ok((await alone.take(limits, 1, NOW)).admitted)
      const all = await Promise.all(numbers(6).map(() => alone.take(limits, 1, NOW)))
      for (const taken of all) {
        assert.ok(taken.admitted)
        alone.giveBack(limits, 1, taken)
      }
      assert.equal((await alone.take(limits, 0, NOW)).states[0]?.remaining, 11)
    } finally {
      server.thaw()
    }
    const others = [aLimit('others', 1e9)]
    assert.ok((await b.take(others, 1e9, NOW)).admitted)
    while ((await alone.take(others, 1, NOW)).admitted) await new Promise((resolve) => setImmediate(resolve))
    const admitted = (await takeAll(alone, limits)) + (await takeAll(b, limits))
    assert.ok(admitted <= before, `${admitted} of ${before}`)
  })
})

/** Takes one use after the other until there is none; answers how many. */
async function takeAll(rates: PostgresRateCounters, limits: readonly CountedLimit[]): Promise<number> {
  let admitted = 0
  while ((await rates.take(limits, 1, NOW)).admitted) admitted += 1
  return admitted
}
