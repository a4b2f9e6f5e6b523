import { hash } from 'node:crypto'
import {
  type CountedLimit,
  gcra,
  type LocalRateCounters,
  NEVER_USED,
  NOTHING_TO_COUNT,
  refundMs,
  refusalOf,
  statesOf,
} from '../core/keys/rate-limits.ts'
import type { Instant } from '../core/record.ts'
import { SharedLock } from './shared-lock.ts'

/** Counters that are kept for all threads together, about 24 bytes each. */
export const SHARED_COUNTERS_MAX = 262_144

/** Places among which one counter may be kept. A full group gives up the counter that would be unused first. */
const GROUP_SIZE = 16
/** Words of 32 bits that tell counters apart: so many bits of a hash are never the same by chance. */
const NAME_WORDS = 4
const LOCK_WORDS = 4

/** Memory of counters that threads share. */
export function createSharedRates(countersMax: number = SHARED_COUNTERS_MAX): SharedArrayBuffer {
  const places = 2 ** Math.ceil(Math.log2(Math.max(countersMax, GROUP_SIZE)))
  const bytes = LOCK_WORDS * 4 + places * (NAME_WORDS * 4 + Float64Array.BYTES_PER_ELEMENT)
  const memory = new SharedArrayBuffer(bytes)
  layoutOf(memory).arrivals.fill(NEVER_USED)
  return memory
}

/**
 * Counters in memory that all threads share, so that limits are exact over all of them.
 *
 * One lock for all: what is done under it takes a microsecond, and a use that counts against several limits counts
 * against all of them or none. `thread`: a number of this thread's own, above 0. As in the counters of one process, a
 * counter that makes room for another forgets at most one burst of its limit.
 */
export function createSharedRateCounters(memory: SharedArrayBuffer, thread: number): LocalRateCounters {
  const { lockWords, names, arrivals } = layoutOf(memory)
  const lock = new SharedLock(lockWords, thread)
  const nameOf = createNames()
  const groups = arrivals.length / GROUP_SIZE

  /** The place of a counter; undefined when it has none. */
  const find = (name: Int32Array): number | undefined => {
    const start = startOf(name, groups)
    for (let place = start; place < start + GROUP_SIZE; place++) {
      if (isNamed(names, place, name)) return place
    }
    return undefined
  }

  /** A place in the counter's group that may be taken: the one that would be unused first. */
  const makePlace = (name: Int32Array): number => {
    const start = startOf(name, groups)
    let first = start
    for (let place = start + 1; place < start + GROUP_SIZE; place++) {
      if (arrivalAt(arrivals, place) < arrivalAt(arrivals, first)) first = place
    }
    names.set(name, first * NAME_WORDS)
    return first
  }

  const arrivalOf = (counter: string): number => {
    const place = find(nameOf(counter))
    return place === undefined ? NEVER_USED : arrivalAt(arrivals, place)
  }

  const count = ({ counter, limit }: CountedLimit, cost: number, now: Instant): void => {
    const name = nameOf(counter)
    const place = find(name)
    const before = place === undefined ? NEVER_USED : arrivalAt(arrivals, place)
    const next = gcra(before, limit, cost, now)
    if (next !== undefined) arrivals[place ?? makePlace(name)] = next
  }

  const look = (limits: readonly CountedLimit[], cost: number, now: Instant) => {
    const refusal = cost === 0 ? undefined : refusalOf(limits, cost, now, arrivalOf)
    return refusal ?? { admitted: true, states: statesOf(limits, now, arrivalOf) }
  }

  return {
    take(limits, cost, now) {
      if (limits.length === 0) return NOTHING_TO_COUNT
      return lock.hold(() => {
        const seen = look(limits, cost, now)
        if (!seen.admitted || cost === 0) return seen
        for (const limit of limits) count(limit, cost, now)
        return { admitted: true, states: statesOf(limits, now, arrivalOf) }
      })
    },
    preview(limits, cost, now) {
      return limits.length === 0 ? NOTHING_TO_COUNT : lock.hold(() => look(limits, cost, now))
    },
    giveBack(limits, cost, { states }, now) {
      lock.hold(() => {
        for (const [index, { counter, limit }] of limits.entries()) {
          const place = find(nameOf(counter))
          const state = states[index]
          if (place === undefined || state === undefined) continue
          arrivals[place] = arrivalAt(arrivals, place) - refundMs(limit, cost, state, now)
        }
      })
    },
  }
}

/** Lets go of the lock that a thread held when it died. What it left half done counts for one use at most. */
export function releaseSharedRates(memory: SharedArrayBuffer, deadThread: number): void {
  new SharedLock(layoutOf(memory).lockWords, deadThread).abandon()
}

type Layout = {
  readonly lockWords: Int32Array
  readonly names: Int32Array
  readonly arrivals: Float64Array
}

function layoutOf(memory: SharedArrayBuffer): Layout {
  const places = (memory.byteLength - LOCK_WORDS * 4) / (NAME_WORDS * 4 + Float64Array.BYTES_PER_ELEMENT)
  const arrivals = new Float64Array(memory, LOCK_WORDS * 4, places)
  const names = new Int32Array(memory, LOCK_WORDS * 4 + arrivals.byteLength, places * NAME_WORDS)
  return { lockWords: new Int32Array(memory, 0, LOCK_WORDS), names, arrivals }
}

/** Names that are remembered: hashing takes longer than all the counting. */
const REMEMBERED_NAMES_MAX = 10_000

function createNames(): (counter: string) => Int32Array {
  const remembered = new Map<string, Int32Array>()
  return (counter) => {
    const known = remembered.get(counter)
    if (known !== undefined) return known
    const digest = hash('sha256', counter, 'buffer')
    const name = new Int32Array(digest.buffer.slice(digest.byteOffset, digest.byteOffset + NAME_WORDS * 4))
    if (remembered.size >= REMEMBERED_NAMES_MAX) remembered.clear()
    remembered.set(counter, name)
    return name
  }
}

function startOf(name: Int32Array, groups: number): number {
  return ((name[0] ?? 0) & (groups - 1)) * GROUP_SIZE
}

function isNamed(names: Int32Array, place: number, name: Int32Array): boolean {
  for (let word = 0; word < NAME_WORDS; word++) {
    if (names[place * NAME_WORDS + word] !== name[word]) return false
  }
  return true
}

function arrivalAt(arrivals: Float64Array, place: number): number {
  return arrivals[place] ?? NEVER_USED
}
