import { after, before, describe } from 'node:test'
import { describeStorageContract } from '../contract/storage-contract.ts'
import { openStorage } from '../open-storage.ts'
import { type PostgresServer, postgresIsMissing, startPostgres } from './testing/postgres-server.ts'

describe('PostgreSQL', { skip: postgresIsMissing() }, () => {
  let server: PostgresServer
  before(async () => {
    server = await startPostgres()
  })
  after(() => server.stop())

  // Each search goes over the wire: as many as a minute allows.
  const effort = { stores: 15, searchesPerStore: 250 }
  // Thousands of changes at once wait for a few connections, and machines may be slow.
  const patient = { lockWaitMaxMs: 120_000 }
  describeStorageContract('PostgreSQL', async () => openStorage(await server.newStore(), patient), effort)
})
