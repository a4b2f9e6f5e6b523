import assert from 'node:assert/strict'
import { after, afterEach, before, describe, test } from 'node:test'
import fc from 'fast-check'
import { Client } from 'pg'
import { fingerprintOf } from '../../core/keys/fingerprint.ts'
import type { CreditPlan } from '../../core/keys/policy.ts'
import type { Storage } from '../../core/ports/storage.ts'
import { aKey, anEvent, keyId, numbers, revokeKey } from '../contract/records.ts'
import { Worker } from '../contract/worker.ts'
import { openStorage, type StorageOptions } from '../open-storage.ts'
import { type PostgresServer, postgresIsMissing, startPostgres } from './testing/postgres-server.ts'
import { until } from './testing/until.ts'

const K = keyId('k')
const CREATED = anEvent('key.create', 'key')
const NOW = 2_000

/** However slow the machine is, a node that lives is not taken for one that hears nothing. */
const PATIENT: StorageOptions = { lockWaitMaxMs: 120_000, staleAfterMs: 60_000 }

describe('credits over three nodes', { skip: postgresIsMissing() }, () => {
  let server: PostgresServer
  let url = ''
  let nodes: Storage[] = []
  let workers: Worker[] = []
  before(async () => {
    server = await startPostgres()
  })
  after(() => server.stop())
  afterEach(async () => {
    for (const worker of workers.splice(0)) await worker.kill()
    await Promise.all(nodes.splice(0).map((node) => node.close()))
  })

  const open = async (count: number, options: StorageOptions = {}): Promise<readonly Storage[]> => {
    const opened = await Promise.all(numbers(count).map(() => openStorage(url, { ...PATIENT, ...options })))
    nodes = [...nodes, ...opened]
    return opened
  }

  const openThree = async (options: StorageOptions = {}) => {
    url = await server.newStore()
    const [a, b, c] = await open(3, options)
    assert.ok(a && b && c)
    return { a, b, c, all: [a, b, c] }
  }

  const stored = async (columns: string, table: string) =>
    server.run(`SELECT ${columns} FROM ${/search_path%3D(\w+)/.exec(url)?.[1]}.${table}`)
  const leasesOut = async () => (await stored('lease', 'credit_leases')).map((row) => row['lease'])
  const remaining = async () => (await stored('remaining', 'key_credits'))[0]?.['remaining']

  /** Spends two at a time, until the node took a lease: long before all is spent. */
  const spendUntilLeased = async (node: Storage): Promise<number> => {
    const before = await leasesOut()
    for (let spent = 2; ; spent += 2) {
      for (const spending of await Promise.all([node.keys.spend(K, 1, NOW), node.keys.spend(K, 1, NOW)])) {
        assert.equal(spending?.spent, true, 'a node that spends often takes a lease')
      }
      if ((await leasesOut()).some((lease) => !before.includes(lease))) return spent
    }
  }

  test('64 clients spend exactly what there is, whatever each of them pays, also across a rotation', async () => {
    const { a, all } = await openThree()
    await fc.assert(
      fc.asyncProperty(
        fc.uuid(),
        fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 64, maxLength: 64 }),
        fc.boolean(),
        async (id, costs, isRotated) => {
          const key = withCredits(id, { initial: 1_000 })
          await a.keys.insert(key, undefined, CREATED)
          const rotation = isRotated
            ? a.keys.rotate(
                key.id,
                {
                  replaces: key.fingerprint,
                  fingerprint: fingerprintOf(`next ${id}`),
                  previousGoodUntil: 9_000,
                },
                anEvent('key.rotate'),
              )
            : undefined
          const spent = await Promise.all(
            costs.map(async (cost, client) => {
              const node = all[client % 3] ?? a
              let total = 0
              while ((await node.keys.spend(key.id, cost, NOW))?.spent) total += cost
              return total
            }),
          )
          await rotation
          const total = spent.reduce((sum, one) => sum + one, 0)
          assert.ok(total <= 1_000, `${total} of 1000`)
          // Nobody stopped who could have paid: whatever is left is less than the least that any of them asks for.
          assert.ok(1_000 - total < Math.min(...costs), `${total} of 1000`)
          assert.equal((await a.keys.credits(key.id, NOW))?.remaining, 1_000 - total)
        },
      ),
      // A smaller example would be another race, on a key that is there already.
      { numRuns: 8, endOnFailure: true },
    )
  })

  test('a spending that waited for another one counts, also when it leaves what there was before both', async () => {
    const { a } = await openThree()
    await a.keys.insert(withCredits(K, { initial: 10 }), undefined, CREATED)
    const schema = /search_path%3D(\w+)/.exec(url)?.[1]
    const other = new Client({ connectionString: url })
    await other.connect()
    try {
      await other.query('BEGIN')
      await other.query('UPDATE key_credits SET remaining = remaining + 4')
      const spending = a.keys.spend(K, 4, NOW)
      await until(async () => {
        const [row] = await server.run(`SELECT count(*)::int AS n FROM pg_stat_activity
          WHERE wait_event_type = 'Lock' AND query LIKE '%key_credits%' AND pid <> pg_backend_pid()`)
        return row?.['n'] === 1
      })
      await other.query('COMMIT')
      assert.equal((await spending)?.remaining, 10)
    } finally {
      await other.end()
    }
    assert.deepEqual(await server.run(`SELECT remaining FROM ${schema}.key_credits`), [{ remaining: 10 }])
  })

  test('a node that was killed loses no more than it had written ahead, and nothing is spent twice', async () => {
    const { a } = await openThree()
    const initial = 5_000
    for (let attempt = 1; ; attempt += 1) {
      const id = `k${attempt}`
      await a.keys.insert(withCredits(id, { initial }), undefined, CREATED)
      const worker = new Worker(url, 'drain', id, 1_000)
      workers = [...workers, worker]
      await worker.told(1_000)
      await worker.kill()
      const heldALease = (await leasesOut()).length > 0
      const told = worker.lines.length
      const others = await spendAll(a, id)
      assert.ok(told + others <= initial, `${told} and ${others} of ${initial}`)
      assert.equal((await a.keys.credits(keyId(id), NOW))?.remaining, 0)
      // Eight spendings that were not told of any more, and a tenth of a lease for each of them at worst.
      assert.ok(told + others >= initial - 8 - 10 - 8, `${told} and ${others} of ${initial}`)
      if (heldALease) return
      assert.ok(attempt < 10, 'a process that spends all the time holds a lease')
    }
  })

  test('a node that is shut down gives back what it holds', async () => {
    const { a, b } = await openThree()
    await a.keys.insert(withCredits('k', { initial: 1_000 }), undefined, CREATED)
    const spent = await spendUntilLeased(b)
    await b.close()
    nodes = nodes.filter((node) => node !== b)
    assert.deepEqual(await leasesOut(), [])
    assert.equal(await remaining(), 1_000 - spent)
  })

  test('what another node holds is spent before anybody is refused', async () => {
    const { a, b, c } = await openThree()
    await a.keys.insert(withCredits('k', { initial: 1_000 }), undefined, CREATED)
    const spent = (await spendUntilLeased(a)) + (await spendUntilLeased(b))
    assert.deepEqual(await c.keys.spend(K, 1_000 - spent + 1, NOW), {
      spent: false,
      remaining: 1_000 - spent,
    })
    assert.deepEqual(await c.keys.spend(K, 1_000 - spent, NOW), { spent: true, remaining: 0 })
    assert.equal((await a.keys.spend(K, 1, NOW))?.spent, false)
  })

  test('every node reads what is truly left, while others hold some of it', async () => {
    const { a, b, c, all } = await openThree()
    await a.keys.insert(withCredits('k', { initial: 20_000 }), undefined, CREATED)
    let spent = 0
    for (const node of [a, b, c, a]) {
      spent += await spendUntilLeased(node)
      for (const reader of all) assert.equal((await reader.keys.credits(K, NOW))?.remaining, 20_000 - spent)
    }
  })

  test('what is set holds over all nodes from then on, while some hold what was there before', async () => {
    const { a, b, c, all } = await openThree()
    await a.keys.insert(withCredits('k', { initial: 1_000 }), undefined, CREATED)
    const spent = (await spendUntilLeased(a)) + (await spendUntilLeased(b))
    const event = anEvent('key.credits')
    const added = await c.keys.setCredits(K, { operation: 'increment', amount: 500 }, event)
    assert.equal(added?.remaining, 1_500 - spent)
    await spendUntilLeased(a)
    await spendUntilLeased(b)
    assert.equal((await a.keys.setCredits(K, { operation: 'set', amount: 50 }, event))?.remaining, 50)
    assert.equal(sum(await Promise.all(all.map((node) => spendAll(node, 'k')))), 50)
  })

  test('another plan leaves what was not spent over all nodes, while some hold what was there before', async () => {
    const { a, b, c, all } = await openThree()
    await a.keys.insert(withCredits('k', { initial: 1_000 }), undefined, CREATED)
    const spent = (await spendUntilLeased(a)) + (await spendUntilLeased(b))
    const policy = withCredits('k', { initial: 1_070 }).policy ?? {}
    const spending = spendAll(b, 'k')
    await c.keys.update(K, (key) => ({ ...key, policy }), anEvent('key.update'))
    const later = await Promise.all([spending, ...all.map((node) => spendAll(node, 'k'))])
    assert.equal(spent + sum(later), 1_070)
    await a.keys.update(K, (key) => ({ ...key, policy: {} }), anEvent('key.update'))
    for (const node of all) assert.equal(await node.keys.spend(K, 1, NOW), undefined)
  })

  test('a refill ends what was held: from its turn on exactly the new amount is spent', async () => {
    const { a, b, all } = await openThree()
    const refill = { interval: 'every', everyMs: 10_000, amount: 300 } as const
    await a.keys.insert(withCredits('k', { initial: 1_000, refill }), undefined, CREATED)
    await spendUntilLeased(a)
    await spendUntilLeased(b)
    const spent = await Promise.all(all.map((node) => spendAll(node, 'k', 11_000)))
    assert.equal(sum(spent), 300)
  })

  test('a key that was revoked spends nothing, and has what was left when it comes back', async () => {
    const { a, b, c } = await openThree()
    await a.keys.insert(withCredits('k', { initial: 1_000 }), undefined, CREATED)
    const spent = (await spendUntilLeased(a)) + (await spendUntilLeased(b))
    await revokeKey(a.keys, 'k')
    assert.equal(await a.keys.spend(K, 1, NOW), undefined)
    await a.keys.restore(K, { revokedSince: 0 }, anEvent('key.restore'))
    assert.equal((await c.keys.credits(K, NOW))?.remaining, 1_000 - spent)
  })

  test('no lease is taken by a node that does not hear of others, nor when none are wanted', async () => {
    for (const options of [{ staleAfterMs: 0 }, { creditLeaseMax: 0 }]) {
      const { a } = await openThree(options)
      await a.keys.insert(withCredits('k', { initial: 1_000 }), undefined, CREATED)
      for (const n of numbers(20)) {
        assert.equal((await a.keys.spend(K, 1, NOW))?.remaining, 999 - n)
        assert.deepEqual(await leasesOut(), [])
      }
    }
  })

  test('the spendings that wait on a node are paid by few statements', async () => {
    const { a } = await openThree({ creditLeaseMax: 0 })
    await a.keys.insert(withCredits('k', { initial: 10_000 }), undefined, CREATED)
    await a.keys.spend(K, 1, NOW)
    const before = Number((await stored('xmin::text AS x', 'key_credits'))[0]?.['x'])
    await Promise.all(numbers(500).map(() => a.keys.spend(K, 1, NOW)))
    const after = Number((await stored('xmin::text AS x', 'key_credits'))[0]?.['x'])
    assert.equal(await remaining(), 9_499)
    // Transactions are numbered: one for the first, one for all others.
    assert.ok(after - before < 20, `${after - before} transactions`)
  })
})

function withCredits(id: string, credits: CreditPlan) {
  return aKey(id, '-1', { policy: { credits } })
}

/** Spends one credit after the other, 8 at a time, until there is none; answers how many. */
async function spendAll({ keys }: Storage, id: string, now = NOW): Promise<number> {
  const lanes = numbers(8).map(async () => {
    let spent = 0
    while ((await keys.spend(keyId(id), 1, now))?.spent) spent += 1
    return spent
  })
  return sum(await Promise.all(lanes))
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0)
}
