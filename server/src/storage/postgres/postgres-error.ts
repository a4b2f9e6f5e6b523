import { DomainError } from '../../core/errors.ts'

// https://www.postgresql.org/docs/current/errcodes-appendix.html
const UNIQUE_VIOLATION = '23505'
const READ_ONLY = '25006'

/** Two transactions waited for each other, or would have seen impossible things: the loser may try again. */
const LOST_A_RACE: ReadonlySet<string> = new Set(['40001', '40P01'])

/** Classes that say something about the server, its machine or its neighbours, and nothing about our SQL. */
const OUTSIDE_OUR_POWER: ReadonlySet<string> = new Set([
  '08', // connection exceptions
  '28', // who we are is not accepted
  '3D', // no such database
  '53', // out of memory, disk or connections
  '57', // shut down, or took too long
  '58', // input/output error
  'XX', // internal error, such as corrupt data
])

/** Codes of other classes that do, too. */
const OUTSIDE_CODES: ReadonlySet<string> = new Set([
  READ_ONLY,
  '42501', // not permitted
  '55P03', // waited too long for a lock
])

/** A connection that could not be made, or that broke. */
export class ConnectionError extends Error {}

/** PostgreSQL's five characters for what went wrong; undefined when PostgreSQL did not say it. */
function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || !('severity' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}

/** True when the same transaction may succeed if it is tried again, and has changed nothing. */
export function lostARace(error: unknown): boolean {
  return LOST_A_RACE.has(codeOf(error) ?? '')
}

/** True when the server that we are connected to takes no changes: another one does, or will. */
export function isReadOnly(error: unknown): boolean {
  return codeOf(error) === READ_ONLY
}

/** The constraint that a row would have violated by not being the only one; undefined for any other error. */
export function violatedUnique(error: unknown): string | undefined {
  if (codeOf(error) !== UNIQUE_VIOLATION || !(error instanceof Error)) return undefined
  return 'constraint' in error && typeof error.constraint === 'string' ? error.constraint : undefined
}

/** True when nothing more can be asked over the connection that gave this error. */
export function isConnectionError(error: unknown): boolean {
  return error instanceof ConnectionError || CONNECTION_ENDS.test(codeOf(error) ?? '')
}

/** Connection exceptions, shut down, crashed, cannot connect now, database dropped, idle for too long. */
const CONNECTION_ENDS = /^(?:08...|57P0[1-5]|25P03)$/

/** What the driver threw: PostgreSQL's own words as they are, anything else as an error of the connection. */
export function asConnectionError(error: unknown): unknown {
  if (error instanceof ConnectionError || codeOf(error) !== undefined) return error
  return new ConnectionError(messageOf(error), { cause: error })
}

/**
 * What a caller of the storage gets to see of a thrown value: `storage.unavailable` with the cause when the server, its
 * machine or the network refused or the store is closed; anything else unchanged, broken promises of ours included.
 */
export function asStorageError(error: unknown): unknown {
  if (isConnectionError(error)) return unavailable(`the connection failed: ${messageOf(error)}`, error)
  const code = codeOf(error)
  if (code === undefined) return error
  const isOutside = OUTSIDE_OUR_POWER.has(code.slice(0, 2)) || OUTSIDE_CODES.has(code) || lostARace(error)
  return isOutside ? unavailable(messageOf(error), error) : error
}

/** The refusal of a store that cannot do its work now. `state` says why. */
export function unavailable(state: string, cause?: unknown): DomainError {
  return new DomainError('storage.unavailable', `Cannot use the PostgreSQL store: ${state}`, {}, { cause })
}

/** Who tries several addresses of one host gets an error that says nothing but what each of them said. */
function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(messageOf).join('; ')
  return error instanceof Error ? error.message : String(error)
}
