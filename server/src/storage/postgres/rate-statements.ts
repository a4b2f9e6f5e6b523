import { hash } from 'node:crypto'
import { COUNTING_EPOCH } from '../../core/keys/rate-limits.ts'
import { type SqlText, sql } from '../../query/sql/sql-text.ts'
import { column, number, uuids } from './column.ts'
import type { Row } from './connection.ts'

/** Only one in so many of the uses that are free is counted ahead. */
const AHEAD_SHARE = 8

/** A wish to count uses of a limit. */
export type Reservation = {
  readonly counter: string
  readonly limit: number
  readonly windowMs: number
  /** Uses that wait. */
  readonly need: number
  /** The fewest that somebody waits for: only multiples of it are counted when there are not enough for all. */
  readonly unit: number
  /** More that are wanted, while plenty are free. */
  readonly ahead: number
}

/** A counter as the store has it. */
export type CountedRate = {
  readonly counter: string
  /** In ms since `COUNTING_EPOCH`, by the store's clock. */
  readonly arrival: number
  /** Uses that were counted by the statement that answered this. */
  readonly granted: number
  /** The store's time then. */
  readonly countedAt: number
}

/** What a counter is called in the store: 128 bits of a hash, which are never the same by chance. */
export function counterName(counter: string): string {
  const hex = hash('sha256', counter, 'hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20, 32)}`
}

const NOW = sql`(SELECT floor((extract(epoch FROM clock_timestamp()) * 1000)::float8 - ${number(COUNTING_EPOCH)}) AS now)`

/**
 * Counts uses by GCRA, as `gcra` does, at the store's time. Counters are locked in one order, so that no two such
 * statements wait for each other.
 */
export function reserve(reservations: readonly Reservation[]): SqlText {
  const list = (value: (reservation: Reservation) => number | string) =>
    sql`${`{${reservations.map(value).join(',')}}`}`
  return sql`WITH clock AS ${NOW}, asked AS (
      SELECT * FROM unnest(${list((one) => one.counter)}::uuid[], ${list((one) => one.limit)}::float8[],
        ${list((one) => one.windowMs)}::float8[], ${list((one) => one.need)}::float8[],
        ${list((one) => one.unit)}::float8[], ${list((one) => one.ahead)}::float8[])
        AS asked (counter, uses, window_ms, need, unit, ahead)
    )
    INSERT INTO rate_counters AS counters (counter, arrival, granted, counted_at)
    SELECT counter, now + got * window_ms / uses, got, now FROM clock, asked, LATERAL (
      SELECT ${granted(sql`uses`)} AS got
    ) AS fresh ORDER BY counter
    ON CONFLICT (counter) DO UPDATE SET (arrival, granted, counted_at) = (
      SELECT now + (debt + got * window_ms) / uses, got, now FROM clock, asked, LATERAL (
        SELECT least(round(greatest(counters.arrival - now, 0) * uses), uses * window_ms) AS debt
      ) AS owed, LATERAL (
        SELECT ${granted(sql`floor((uses * window_ms - debt) / window_ms)`)} AS got
      ) AS given WHERE asked.counter = excluded.counter
    )
    RETURNING counter, arrival, granted, counted_at`
}

function granted(free: SqlText): SqlText {
  return sql`CASE WHEN need <= ${free}
    THEN need + least(ahead, floor((${free} - need) / ${AHEAD_SHARE}::float8))
    ELSE floor(${free} / unit) * unit END`
}

/** Reads counters; those that do not exist give no row. */
export function readRates(counters: readonly string[]): SqlText {
  return sql`SELECT counter, arrival, 0::float8, now FROM rate_counters, ${NOW} AS clock
    WHERE counter = ${uuids(counters)}`
}

/** The counter in a row of the statements above. */
export function rateFromRow(row: Row): CountedRate {
  return {
    counter: column<string>(row, 0),
    arrival: column<number>(row, 1),
    granted: column<number>(row, 2),
    countedAt: column<number>(row, 3),
  }
}

/**
 * Gives back uses that nobody made, of which `unusedMs` of time had not flown back at the store's time `at`. Only while
 * nothing was counted after them: what came later relies on when it flows back. Changes no row otherwise.
 */
export function giveBackRate(rate: CountedRate, unusedMs: number, at: number): SqlText {
  return sql`UPDATE rate_counters
    SET arrival = arrival - greatest(0, ${number(unusedMs)} - greatest(0, now - ${number(at)}))
    FROM ${NOW} AS clock WHERE counter = ${rate.counter}::uuid AND arrival = ${number(rate.arrival)}`
}

/** Forgets counters that are as if never used; a batch. */
export function purgeRates(max: number): SqlText {
  return sql`DELETE FROM rate_counters WHERE counter IN (
    SELECT counter FROM rate_counters, ${NOW} AS clock WHERE arrival <= now
    LIMIT ${max}::bigint FOR UPDATE OF rate_counters SKIP LOCKED)`
}
