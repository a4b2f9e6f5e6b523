import type { Clock } from '../core/ports/clock.ts'
import type { Instant } from '../core/record.ts'
import { systemClock } from './system-clock.ts'

/** The time of a store, told by the clock of this machine and what is known of how far that is off. */
export type StoreClock = Clock & {
  /** How far the store's clock is ahead of this machine's, in ms. */
  aheadMs(): number
  /** Takes note of what the store said its time was at some moment between sending a question and hearing the answer. */
  compare(reading: ClockReading): void
}

/** Times in ms since the epoch: two by this machine's clock, and the store's in between. */
export type ClockReading = {
  readonly sentAt: Instant
  readonly storeAt: Instant
  readonly heardAt: Instant
}

/** Memory for a clock that several threads of one process share. */
export function createClockMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(Float64Array.BYTES_PER_ELEMENT)
}

/** A clock that agrees with this machine's until it is compared. */
export function createStoreClock(
  memory: SharedArrayBuffer = createClockMemory(),
  machine: Clock = systemClock,
): StoreClock {
  const ahead = new Float64Array(memory)
  const aheadMs = (): number => ahead[0] ?? 0
  return {
    now: () => machine.now() + aheadMs(),
    aheadMs,
    compare: (reading) => {
      ahead[0] = aheadAfter(aheadMs(), reading)
    },
  }
}

/**
 * The difference of two clocks, in whole ms, after a reading. A reading bounds it: the store's time was read neither before
 * the question was sent nor after the answer was heard. What is within the bounds stays as it is, so that a slow answer
 * changes little, and clocks that are in step stay untouched.
 */
export function aheadAfter(aheadMs: number, { sentAt, storeAt, heardAt }: ClockReading): number {
  const least = Math.floor(storeAt - heardAt)
  const most = Math.ceil(storeAt - sentAt)
  return Math.max(least, Math.min(most, aheadMs))
}
