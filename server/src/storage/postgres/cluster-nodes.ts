import type {
  ClusterMoment,
  ClusterNode,
  ClusterNodes,
  ClusterView,
  FeedHealth,
  NodeReport,
} from '../../core/ports/cluster-nodes.ts'
import { type SqlText, sql } from '../../query/sql/sql-text.ts'
import { column, number, text } from './column.ts'
import type { Row } from './connection.ts'
import type { PostgresDatabase } from './database.ts'
import { DEAD_NODE_KEPT_MS, NODE_STALE_AFTER_MS } from './node-bounds.ts'

/** Nodes that are listed at most. */
const NODES_LISTED_MAX = 1_000

/** What the row of this node says besides what the node reports. */
export type NodeFacts = {
  /** Another one for each process, whatever its name. */
  readonly id: string
  readonly schemaVersion: number
  /** Absent: no changes are heard here. */
  readonly feed?: () => FeedHealth
}

/** The nodes on a schema in PostgreSQL. */
export function createClusterNodes(database: PostgresDatabase, facts: NodeFacts): ClusterNodes {
  return {
    readMoment: () => readMoment(database),
    async beat(report) {
      await database.changeBy(beat(report, facts))
    },
    async leave() {
      await database.changeBy(sql`DELETE FROM cluster_nodes WHERE id = ${facts.id}::uuid`)
    },
    list: () => listNodes(database),
    health: () => ({
      ...database.connections(),
      ...(facts.feed !== undefined && { feed: facts.feed() }),
    }),
  }
}

/** See `ClusterNodes.list`. */
export async function listNodes(database: PostgresDatabase): Promise<ClusterView> {
  const { at } = await readMoment(database)
  const rows = await database.readMany(
    sql`SELECT ${NODE_COLUMNS} FROM cluster_nodes ORDER BY name, started_at LIMIT ${NODES_LISTED_MAX}::integer`,
  )
  return { at, nodes: rows.map(nodeOf) }
}

async function readMoment(database: PostgresDatabase): Promise<ClusterMoment> {
  const row = await database.first(sql`SELECT ${inMs(sql`clock_timestamp()`)},
    count(*) FILTER (WHERE NOT ${IS_STALE}), count(*) FILTER (WHERE ${IS_STALE}) FROM cluster_nodes`)
  if (row === undefined) throw new Error('Cannot read the time of the store: it gave none')
  return { at: column(row, 0), alive: column(row, 1), stale: column(row, 2) }
}

/**
 * One statement: the row of this node, and no longer those of nodes that died: long ago, or under this one's name, which is
 * what has taken its place then.
 */
function beat(report: NodeReport, { id, schemaVersion, feed }: NodeFacts): SqlText {
  const { name, version, address, threads, state, clockAheadMs } = report
  const heard = feed?.()
  return sql`WITH dead AS (
      DELETE FROM cluster_nodes WHERE id <> ${id}::uuid
        AND (heartbeat_at < clock_timestamp() - ${DEAD_NODE_KEPT_MS}::float8 * interval '1 millisecond'
          OR (name = ${text(name)} AND ${IS_STALE}))
    )
    INSERT INTO cluster_nodes (id, name, version, schema_version, address, threads, state, clock_ahead_ms,
      heard_sequence, feed_silent_ms)
    VALUES (${id}::uuid, ${text(name)}, ${text(version)}, ${schemaVersion}::integer, ${text(address)},
      ${threads}::integer, ${text(state)}, ${number(clockAheadMs)}, ${heard?.heardSequence ?? null}::bigint,
      ${number(heard?.silentMs)})
    ON CONFLICT (id) DO UPDATE SET state = excluded.state, address = excluded.address,
      heartbeat_at = excluded.heartbeat_at, clock_ahead_ms = excluded.clock_ahead_ms,
      heard_sequence = excluded.heard_sequence, feed_silent_ms = excluded.feed_silent_ms`
}

const IS_STALE = sql`(cluster_nodes.heartbeat_at < clock_timestamp() - ${NODE_STALE_AFTER_MS}::float8 * interval '1 millisecond')`

const NODE_COLUMNS = sql`id, name, version, schema_version, address, threads, state, ${inMs(sql`started_at`)},
  ${inMs(sql`heartbeat_at`)}, ${IS_STALE}, clock_ahead_ms, heard_sequence, feed_silent_ms`

function nodeOf(row: Row): ClusterNode {
  const heardSequence = column<number | null>(row, 11)
  const feedSilentMs = column<number | null>(row, 12)
  return {
    id: column(row, 0),
    name: column(row, 1),
    version: column(row, 2),
    schemaVersion: column(row, 3),
    address: column(row, 4),
    threads: column(row, 5),
    state: column(row, 6),
    startedAt: column(row, 7),
    heartbeatAt: column(row, 8),
    isStale: column(row, 9),
    clockAheadMs: column(row, 10),
    ...(heardSequence !== null && { heardSequence }),
    ...(feedSilentMs !== null && { feedSilentMs }),
  }
}

/** A time of the store as an instant. */
function inMs(time: SqlText): SqlText {
  return sql`(extract(epoch FROM ${time}) * 1000)::float8`
}
