import { randomUUID } from 'node:crypto'
import type { StoreChange } from '../../core/ports/store-changes.ts'
import { type SqlText, sql } from '../../query/sql/sql-text.ts'
import { listSql, text } from './column.ts'
import type { Transaction } from './transaction.ts'

/** Fingerprints that one change names at most; with more than that, everything may have changed. */
const FINGERPRINTS_MAX = 10_000

/** What other nodes have to hear of; see `StoreChange`. */
export type Change = StoreChange

/**
 * Tells all nodes of changes, in the transaction that makes them: they are heard if and only if it is committed. This node
 * hears of them before the promise of the transaction resolves.
 */
export function noteChanges(transaction: Transaction, changes: readonly Change[]): void {
  const news = transaction.note(changes.map(withinBounds))
  if (news.length === 0) return
  transaction.later(sql`INSERT INTO changes (uid, writer, kind, fingerprints, subject)
    VALUES ${listSql(news.map(({ uid, change }) => sql`(${uid}::uuid, ${transaction.writer}::uuid, ${valuesOf(change)})`))}`)
}

/**
 * A part of a statement that tells all nodes of `kind`, with the fingerprints in the only column of `fingerprints`; nothing
 * when there are none. To be given to `changeBy` together with what tells this node the same, and the same new uid.
 */
export function insertChange(row: TellingRow, kind: 'keys' | 'sessions', fingerprints: SqlText): SqlText {
  return sql`INSERT INTO changes (uid, writer, kind, fingerprints)
    SELECT ${row.uid}::uuid, ${row.writer}::uuid,
      CASE WHEN concerned.count > ${FINGERPRINTS_MAX}::bigint THEN 'everything' ELSE ${text(kind)} END,
      CASE WHEN concerned.count <= ${FINGERPRINTS_MAX}::bigint THEN concerned.fingerprints END
    FROM (SELECT count(*), array_agg(fingerprint) AS fingerprints FROM (${fingerprints}) AS each (fingerprint))
      AS concerned
    WHERE concerned.count > 0`
}

/** Which row tells, and of which opened store. */
export type TellingRow = { readonly uid: string; readonly writer: string }

/** A row of this opened store. */
export function newTellingRow({ id }: { readonly id: string }): TellingRow {
  return { uid: randomUUID(), writer: id }
}

function withinBounds(change: Change): Change {
  if (change.kind !== 'keys' && change.kind !== 'sessions') return change
  return change.fingerprints.length > FINGERPRINTS_MAX ? { kind: 'everything' } : change
}

function valuesOf(change: Change): SqlText {
  switch (change.kind) {
    case 'keys':
    case 'sessions':
      return sql`${text(change.kind)}, ${fingerprintArray(change.fingerprints)}, NULL`
    case 'owner':
      return sql`${text(change.kind)}, NULL, ${text(change.owner)}`
    case 'lease':
      return sql`${text(change.kind)}, NULL, ${text(change.keyUid)}`
    case 'everything':
    case 'access':
      return sql`${text(change.kind)}, NULL, NULL`
  }
}

type Fingerprints = Extract<Change, { readonly kind: 'keys' }>['fingerprints']

/** As one parameter, however many there are, so that the text of the statement stays the same. */
function fingerprintArray(fingerprints: Fingerprints): SqlText {
  const literal = fingerprints.map((fingerprint) => `"\\\\x${fingerprint}"`).join(',')
  return sql`${`{${literal}}`}::bytea[]`
}
