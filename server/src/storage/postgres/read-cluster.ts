import type { ClusterView } from '../../core/ports/cluster-nodes.ts'
import { sql } from '../../query/sql/sql-text.ts'
import { listNodes } from './cluster-nodes.ts'
import { parseConnectionUrl } from './connection-url.ts'
import { PostgresDatabase } from './database.ts'
import { unavailable } from './postgres-error.ts'

/** For who looks on: one connection at a time, and not for long. */
const BOUNDS = { connectionsMax: 1, waitingMax: 10, lockWaitMaxMs: 5_000 }

/**
 * The nodes on a store, without opening it: nothing in it is changed, whatever the version of its schema.
 *
 * @throws {DomainError} `storage.unavailable`, also where no node has ever been.
 */
export async function readCluster(url: string): Promise<ClusterView> {
  const database = new PostgresDatabase(parseConnectionUrl(url), BOUNDS)
  try {
    const row = await database.first(
      sql`SELECT to_regclass(quote_ident(current_schema()) || '.cluster_nodes') IS NOT NULL`,
    )
    if (row?.[0] !== true)
      throw unavailable('no node of a Latchkey that tells of itself was ever started on it')
    return await listNodes(database)
  } finally {
    await database.close()
  }
}
