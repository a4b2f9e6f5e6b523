import { DomainError } from '../../core/errors.ts'

// Primary result codes, https://www.sqlite.org/rescode.html
const BUSY = 5
const LOCKED = 6
const NOT_A_DATABASE = 26

/** Results that say something about the machine, the file or its neighbours, and nothing about our SQL. */
const OUTSIDE_OUR_POWER: ReadonlySet<number> = new Set([
  BUSY,
  LOCKED,
  7, // out of memory
  8, // read-only
  10, // input/output error
  11, // corrupt
  13, // disk full
  14, // cannot open
  15, // locking protocol
  23, // not authorised by the file system
  NOT_A_DATABASE,
])

/** SQLite's primary result code of a thrown value; undefined when SQLite did not throw it. */
function sqliteResultOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number')
    return undefined
  return error.errcode & 0xff
}

/** True when another connection holds the lock that was wanted: trying again may help. */
export function isLockedOut(error: unknown): boolean {
  const result = sqliteResultOf(error)
  return result === BUSY || result === LOCKED
}

/** True when the machine, the file or its neighbours refused, whatever our SQL was. */
export function isOutsideOurPower(error: unknown): boolean {
  const result = sqliteResultOf(error)
  return result !== undefined && OUTSIDE_OUR_POWER.has(result)
}

/** True when the file holds something else than an SQLite database. */
export function isNotADatabase(error: unknown): boolean {
  return sqliteResultOf(error) === NOT_A_DATABASE
}

/**
 * What a caller of the storage gets to see of a thrown value: `storage.unavailable` with the cause when disk, file
 * or lock refused or the store is closed; anything else unchanged, broken promises of ours included.
 */
export function asStorageError(error: unknown): unknown {
  if (isOutsideOurPower(error)) return unavailable(messageOf(error), error)
  if (isClosedError(error)) return unavailable('it is closed', error)
  return error
}

/** The refusal of a store that cannot do its work now. `state` says why. */
export function unavailable(state: string, cause?: unknown): DomainError {
  return new DomainError('storage.unavailable', `Cannot use the SQLite store: ${state}`, {}, { cause })
}

function isClosedError(error: unknown): boolean {
  if (!(error instanceof Error) || !('code' in error)) return false
  return error.code === 'ERR_INVALID_STATE' && /not open|finalized/.test(error.message)
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
