import type { MoveState } from '../core/ports/move-state.ts'
import type { MoveRow, MoveTable, MoveTableName } from './move-tables.ts'

/** Rows that are read, written or removed at once. */
export const MOVE_BATCH = 1_000

/** What a store that is moved from or to says of itself. */
type MoveSide = {
  /** All rows in the order of their keys, or those of a listed table in the order of their owners' listings; in batches. */
  scan(table: MoveTable, order: 'by key' | 'as listed'): AsyncIterable<readonly MoveRow[]>
  count(table: MoveTable): Promise<number>
  close(): Promise<void>
}

/** The store that is moved, as it was at one moment. */
export type MoveSource = MoveSide & {
  /** Tells this store from all others, for as long as it exists. */
  readonly identity: string
  /** What only some tables have: the order of keys over all owners, and seals of the audit trail. */
  extras(table: MoveTableName, rows: readonly MoveRow[]): Promise<readonly MoveExtras[]>
  /** The uids of keys, or of revoked ones, in their order over all owners; in batches. */
  uidsInOrder(table: 'keys' | 'revoked_keys'): AsyncIterable<readonly string[]>
}

/** What moves along with a row without being compared. */
export type MoveExtras = {
  /** Place in the order of a listing. */
  readonly place?: number
  /** Seal of an audit event: hash in hexadecimal digits. */
  readonly seal?: { readonly chain: string; readonly position: number; readonly hash: string }
}

/** The store that becomes equal to another. */
export type MoveTarget = MoveSide & {
  /** Whether it has tables of ours. */
  hasSchema(): Promise<boolean>
  readState(): Promise<MoveState | undefined>
  /** `finished` lets go of what only further passes would need. */
  writeState(state: MoveState): Promise<void>
  /** Prepares for rows of keys in this order; those that are known already stay where they are. */
  learnOrder(table: 'keys' | 'revoked_keys', uids: readonly string[]): Promise<void>
  insert(table: MoveTable, rows: readonly MoveRow[], extras: readonly MoveExtras[]): Promise<void>
  remove(table: MoveTable, rows: readonly MoveRow[]): Promise<void>
  /** Works out what follows from the rows. */
  settle(): Promise<void>
}
