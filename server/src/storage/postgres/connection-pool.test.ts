import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { refusal } from '../contract/records.ts'
import { ConnectionPool, Connector } from './connection-pool.ts'
import { type PostgresServer, postgresIsMissing, startPostgres } from './testing/postgres-server.ts'
import { startProxy } from './testing/proxy.ts'
import { until } from './testing/until.ts'

const BOUNDS = { connectionsMax: 1, waitingMax: 10, lockWaitMaxMs: 200 }

describe('connections that are lent', { skip: postgresIsMissing() }, () => {
  let server: PostgresServer
  before(async () => {
    server = await startPostgres()
  })
  after(() => server.stop())

  test('one that comes when nobody waits for it any more is lent to the next who asks', async () => {
    const url = await server.newStore()
    const proxy = await startProxy(server.port)
    const pool = new ConnectionPool(new Connector([proxy.through(url)], BOUNDS.lockWaitMaxMs), BOUNDS)
    let endFirst = (): void => undefined
    const first = pool.use(async (connection) => {
      await new Promise<void>((resolve) => {
        endFirst = resolve
      })
      connection.hangUp()
    })
    try {
      await until(() => pool.state().connections === 1)
      proxy.hold('others')
      const second = refusal(
        pool.use(async () => undefined),
        'storage.unavailable',
      )
      assert.equal(pool.state().waiting, 1)
      endFirst()
      await first
      await second
      proxy.release()
      await until(() => pool.state().connections === 1)
      assert.equal(await pool.use(async ({ isOpen }) => isOpen), true)
    } finally {
      proxy.release()
      await pool.close()
      await proxy.stop()
    }
  })
})
