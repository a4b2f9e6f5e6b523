import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Client } from 'pg'
import { DomainError } from '../../core/errors.ts'
import { sql } from '../../query/sql/sql-text.ts'
import { numbers, refusal } from '../contract/records.ts'
import { parseConnectionUrl } from './connection-url.ts'
import { PostgresDatabase } from './database.ts'
import { type PostgresServer, postgresIsMissing, startPostgres } from './testing/postgres-server.ts'

const BOUNDS = { connectionsMax: 4, waitingMax: 1_000, lockWaitMaxMs: 60_000 }

describe('a database in PostgreSQL', { skip: postgresIsMissing() }, () => {
  let server: PostgresServer
  before(async () => {
    server = await startPostgres({ deadlock_timeout: '10ms' })
  })
  after(() => server.stop())

  /** Runs a test on a new store with a table `counters (name, n)` that holds `a` and `b`. */
  const withDatabase =
    (body: (database: PostgresDatabase, url: string) => Promise<void>, bounds: Partial<typeof BOUNDS> = {}) =>
    async () => {
      const url = await server.newStore()
      const database = new PostgresDatabase(parseConnectionUrl(url), { ...BOUNDS, ...bounds })
      try {
        await database.change(async (transaction) => {
          await transaction.script(
            "CREATE TABLE counters (name text PRIMARY KEY, n integer); INSERT INTO counters VALUES ('a', 0), ('b', 0)",
          )
        })
        await body(database, url)
      } finally {
        await database.close()
      }
    }

  const addTo = (name: string) => sql`UPDATE counters SET n = n + 1 WHERE name = ${name}`
  const countOf = async (database: PostgresDatabase, name: string) =>
    Number((await database.first(sql`SELECT n FROM counters WHERE name = ${name}`))?.[0])
  const breakAllConnections = () =>
    server.run('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()')

  test(
    'undoes all of a change that throws, or of which a statement failed that nobody waited for',
    withDatabase(async (database) => {
      const ours = new RangeError('no')
      const change = database.change(async (transaction) => {
        await transaction.run(addTo('a'))
        throw ours
      })
      await assert.rejects(change, (error) => error === ours)
      const later = database.change(async (transaction) => {
        transaction.later(addTo('a'))
        transaction.later(sql`SELECT 1 / 0`)
        transaction.later(addTo('b'))
      })
      await assert.rejects(later, /division by zero/)
      assert.deepEqual([await countOf(database, 'a'), await countOf(database, 'b')], [0, 0])
    }),
  )

  test(
    'goes on with changes that waited for each other, and makes each once',
    withDatabase(async (database) => {
      let met = 0
      let meet: (() => void) | undefined
      const bothAreHere = new Promise<void>((resolve) => {
        meet = resolve
      })
      const change = (first: string, second: string) =>
        database.change(async (transaction) => {
          await transaction.run(addTo(first))
          met += 1
          if (met === 2) meet?.()
          await bothAreHere
          await transaction.run(addTo(second))
        })
      await Promise.all([change('a', 'b'), change('b', 'a')])
      assert.ok(met > 2, 'the changes did not meet')
      assert.deepEqual([await countOf(database, 'a'), await countOf(database, 'b')], [2, 2])
    }),
  )

  test(
    'goes on when all connections broke, with reads and with changes',
    withDatabase(async (database) => {
      for (const n of numbers(3)) {
        await breakAllConnections()
        await database.change((transaction) => transaction.run(addTo('a')))
        assert.equal(await countOf(database, 'a'), n + 1)
      }
    }),
  )

  test(
    'makes a change once whose connection breaks before its end',
    withDatabase(async (database) => {
      let attempts = 0
      await database.change(async (transaction) => {
        attempts += 1
        await transaction.run(addTo('a'))
        if (attempts === 1) await transaction.run(sql`SELECT pg_terminate_backend(pg_backend_pid())`)
      })
      assert.deepEqual([attempts, await countOf(database, 'a')], [2, 1])
    }),
  )

  test('is unavailable while the server is away, and goes on when it is back', async () => {
    const other = await startPostgres()
    const database = new PostgresDatabase(parseConnectionUrl(await other.newStore()), BOUNDS)
    const isAnswered = () => database.first(sql`SELECT 1`).then(isTrue, isFalse)
    assert.equal(await isAnswered(), true)
    await other.restart()
    while (!(await isAnswered())) await aMoment()
    await other.stop()
    await refusal(database.first(sql`SELECT 1`), 'storage.unavailable')
    await refusal(database.readMany(sql`SELECT 1`), 'storage.unavailable')
    await refusal(database.changeBy(sql`SELECT 1`), 'storage.unavailable')
    await refusal(
      database.change((transaction) => transaction.run(sql`SELECT 1`)),
      'storage.unavailable',
    )
    await database.close()
  })

  const whileLocked = async (url: string, body: () => Promise<void>) => {
    const client = new Client({ connectionString: url })
    await client.connect()
    await client.query('BEGIN; LOCK TABLE counters IN ACCESS EXCLUSIVE MODE')
    try {
      await body()
    } finally {
      await client.end()
    }
  }

  test(
    'refuses what is more than may wait, and does what was accepted',
    withDatabase(
      async (database, url) => {
        const change = () => database.change((transaction) => transaction.run(addTo('a')))
        const accepted: Promise<unknown>[] = []
        await whileLocked(url, async () => {
          accepted.push(change(), change(), change())
          await refusal(change(), 'server.overloaded')
        })
        await Promise.all(accepted)
        assert.equal(await countOf(database, 'a'), 3)
      },
      { connectionsMax: 1, waitingMax: 2 },
    ),
  )

  test(
    'is unavailable for a change that waited too long for the locks of others',
    withDatabase(
      async (database, url) => {
        await whileLocked(url, async () => {
          const error = await refusal(database.changeBy(addTo('a')), 'storage.unavailable')
          assert.match(error.message, /lock timeout/)
        })
        await database.changeBy(addTo('a'))
        assert.equal(await countOf(database, 'a'), 1)
      },
      { lockWaitMaxMs: 50 },
    ),
  )

  test('bounds the time of statements, and makes commits durable where the server would not', async () => {
    const url = `${await server.newStore()}%20-c%20synchronous_commit%3Doff`
    const database = new PostgresDatabase(parseConnectionUrl(url), BOUNDS)
    const settings = sql`SELECT current_setting('synchronous_commit'), current_setting('statement_timeout'),
      current_setting('lock_timeout')`
    for (const [row] of [await database.read(settings), await database.readMany(settings)]) {
      assert.deepEqual(row, ['on', '30s', '1min'])
    }
    await database.close()
  })

  test('finds the server that takes changes, wherever it stands in the URL', async () => {
    const standby = await startPostgres({ default_transaction_read_only: 'on' })
    const url = await server.newStore()
    const own = `127.0.0.1:${server.port}`
    for (const hosts of [`127.0.0.1:${standby.port},${own}`, `127.0.0.1:1,${own}`, `${own},127.0.0.1:1`]) {
      const many = url.replace(own, hosts)
      const database = new PostgresDatabase(
        parseConnectionUrl(`${many}&target_session_attrs=read-write`),
        BOUNDS,
      )
      assert.deepEqual(await database.first(sql`SELECT current_setting('port')::integer`), [server.port])
      await database.close()
    }
    const only = parseConnectionUrl(url.replace(own, `127.0.0.1:${standby.port}`))
    const database = new PostgresDatabase(only, BOUNDS)
    const error = await refusal(database.first(sql`SELECT 1`), 'storage.unavailable')
    assert.match(error.message, /takes no changes/)
    await database.close()
    await standby.stop()
  })

  test(
    'refuses changes while the server takes none, and goes on when it does again',
    withDatabase(async (database) => {
      let stored = 0
      const isStored = () =>
        database
          .change((transaction) => transaction.run(addTo('a')))
          .then(() => {
            stored += 1
            return true
          }, isUnavailable)
      await server.run('ALTER SYSTEM SET default_transaction_read_only = on')
      await server.run('SELECT pg_reload_conf()')
      while (await isStored()) await aMoment()
      await server.run('ALTER SYSTEM RESET default_transaction_read_only')
      await server.run('SELECT pg_reload_conf()')
      while (!(await isStored())) await aMoment()
      assert.equal(await countOf(database, 'a'), stored)
    }),
  )
})

const isTrue = () => true
const isFalse = () => false

/** Lets a server do what it was told; the loops around it end when it has. */
function aMoment(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 5))
}

/** False for the refusal that callers can live with; anything else fails the test. */
function isUnavailable(error: unknown): boolean {
  assert.ok(error instanceof DomainError && error.code === 'storage.unavailable', String(error))
  return false
}
