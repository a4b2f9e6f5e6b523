import type { AuditStore, ChainLink, NumberedEvent } from '../../core/ports/audit-store.ts'
import { type SqlText, sql } from '../../query/sql/sql-text.ts'
import { chainedEventFromRow } from '../audit-row.ts'
import { EVENT_COLUMNS } from './audit-columns.ts'
import { column } from './column.ts'
import type { Row } from './connection.ts'
import type { PostgresDatabase } from './database.ts'

/** Events without a number are counted up to here. */
const UNNUMBERED_COUNTED_MAX = 1_000_000

/** The part of the audit store that chains are read by. */
export function createAuditChains(
  database: PostgresDatabase,
): Pick<AuditStore, 'listLinks' | 'listNumbers' | 'findTrail'> {
  return {
    async listLinks(after, limit) {
      const rows = await database.readMany(linksBehind(after, limit))
      return rows.map(linkFromRow)
    },
    async listNumbers(afterSequence, limit) {
      const rows = await database.readMany(numbersBehind(afterSequence, limit))
      return rows.map(numberedFromRow)
    },
    async findTrail() {
      const [row = []] = await database.readMany(TRAIL)
      return {
        beganAt: column<number>(row, 0),
        lastSequence: column<number>(row, 1),
        unnumbered: column<number>(row, 2),
      }
    },
  }
}

const TRAIL = sql`SELECT extract(epoch FROM began_at)::float8 * 1000, (SELECT last_sequence FROM audit_position),
    (SELECT count(*) FROM (SELECT 1 FROM audit_events WHERE sequence IS NULL LIMIT ${UNNUMBERED_COUNTED_MAX}::bigint) AS unnumbered)
  FROM audit_sealing`

function linksBehind(after: ChainLink | undefined, limit: number): SqlText {
  const behind =
    after === undefined
      ? sql``
      : sql`WHERE (seal.chain, seal.position) > (${after.chain}::uuid, ${after.position}::bigint)`
  return sql`SELECT seal.sequence, ${EVENT_COLUMNS}, seal.chain::text, seal.position, encode(seal.hash, 'hex'),
      event.added_at < audit_sealing.began_at
    FROM (SELECT chain, position, sequence, hash FROM audit_seals AS seal ${behind}
      ORDER BY chain, position LIMIT ${limit}::bigint) AS seal
    LEFT JOIN audit_events AS event ON event.sequence = seal.sequence
    CROSS JOIN audit_sealing
    ORDER BY seal.chain, seal.position`
}

function linkFromRow(row: Row): ChainLink {
  const isThere = row[1] !== null
  return {
    chain: column<string>(row, 13),
    position: column<number>(row, 14),
    sequence: column<number>(row, 0),
    hash: column<string>(row, 15),
    ...(isThere && { event: chainedEventFromRow(row) }),
    isEarlier: row[16] === true,
  }
}

function numbersBehind(afterSequence: number, limit: number): SqlText {
  return sql`SELECT event.sequence, seal.sequence IS NOT NULL,
      event.sequence <= audit_sealing.sealed_to OR event.sequence > audit_position.last_sequence
    FROM audit_events AS event
    LEFT JOIN audit_seals AS seal ON seal.sequence = event.sequence
    CROSS JOIN audit_sealing CROSS JOIN audit_position
    WHERE event.sequence > ${afterSequence}::bigint ORDER BY event.sequence LIMIT ${limit}::bigint`
}

function numberedFromRow(row: Row): NumberedEvent {
  const sequence = column<number>(row, 0)
  if (row[1] === true) return { sequence, state: 'chained' }
  return { sequence, state: row[2] === true ? 'stray' : 'waiting' }
}
