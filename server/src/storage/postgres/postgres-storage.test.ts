import { after, before, describe } from 'node:test'
import type { Storage } from '../../core/ports/storage.ts'
import { describeStorageContract } from '../contract/storage-contract.ts'
import { openStorage } from '../open-storage.ts'
import { partitionKeys } from './partition-keys.ts'
import { type PostgresServer, postgresIsMissing, startPostgres } from './testing/postgres-server.ts'

describe('PostgreSQL', { skip: postgresIsMissing() }, () => {
  let server: PostgresServer
  before(async () => {
    server = await startPostgres()
  })
  after(() => server.stop())

  const open = async (partitions?: number): Promise<Storage> => {
    const url = await server.newStore()
    if (partitions !== undefined) await partitionKeys(url, partitions, () => {})
    // Thousands of changes at once wait for a few connections, and machines may be slow.
    return openStorage(url, { lockWaitMaxMs: 120_000 })
  }
  // Each search goes over the wire: as many as a minute allows.
  describeStorageContract('PostgreSQL', () => open(), { stores: 15, searchesPerStore: 250 })
  describeStorageContract('PostgreSQL in partitions', () => open(2), { stores: 3, searchesPerStore: 100 })
})
