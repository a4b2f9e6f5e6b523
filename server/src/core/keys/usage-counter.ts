import type { KeyId } from '../ids.ts'
import type { KeyStore, KeyUses } from '../ports/key-store.ts'
import type { Instant } from '../record.ts'
import { USAGE_FLUSH_MS } from './api-key.ts'

/**
 * Uses of keys on their way into the store: counted in memory and written in batches, so that no use costs a write.
 *
 * Somebody must call `writeDue` every `USAGE_RUN_MS` (`createHousekeeping` does) and `writeAll` before the store is
 * closed. A crash loses the uses of the last `USAGE_FLUSH_MS`; where more keys than `KEYS_WRITTEN_PER_RUN` are in use
 * each second, those of as long as it takes to write that many of them each second. All writes reject as the store does,
 * and nothing is lost by that.
 */
export interface UsageCounter {
  accepted(id: KeyId, now: Instant): void
  /** A refused use does not keep a key from idling out. */
  refused(id: KeyId, now: Instant): void
  /** Last accepted use that may not be in the store yet. */
  lastUsedAt(id: KeyId): Instant | undefined
  /** Writes what was counted longest ago, before it is older than `USAGE_FLUSH_MS`; a bounded number of keys. */
  writeDue(now: Instant): Promise<void>
  /** Writes what was counted of one key. */
  writeKey(id: KeyId): Promise<void>
  /** Writes what was counted, of `KEYS_WRITTEN_AT_END_MAX` keys at most. */
  writeAll(): Promise<void>
}

/** How often `writeDue` is to be called, in ms. */
export const USAGE_RUN_MS = 1_000

/** Keys whose uses are held at the same time, about 150 bytes each; uses of further keys are not counted. */
export const USED_KEYS_MAX = 1_000_000

/** Keys that one run writes, at about 25 microseconds each: verifications keep the rest of the time. */
export const KEYS_WRITTEN_PER_RUN = 2_000

/** The same when there is little room left. */
const KEYS_WRITTEN_IN_NEED = 10 * KEYS_WRITTEN_PER_RUN

/** As many as can be written while the server stops; it must not stop for long. */
export const KEYS_WRITTEN_AT_END_MAX = 50_000

/** Keys of one call of the store, so that no request waits long for it. */
const KEYS_WRITTEN_AT_ONCE = 250

const DAY_MS = 86_400_000

type DayCount = { readonly accepted: number; readonly refused: number }

/** Counts of one day, as plain numbers: there is one of these for every key in use. */
type Uses = {
  /** Of the first use that is not written. */
  readonly since: Instant
  lastUsedAt: Instant | undefined
  day: number
  accepted: number
  refused: number
  /** Counts of days before, when midnight came between two writes. */
  earlier: Map<number, DayCount> | undefined
}

/** Counts uses for the keys of that store. */
export function createUsageCounter(keys: Pick<KeyStore, 'noteUses'>): UsageCounter {
  /** Oldest first. */
  const held = new Map<KeyId, Uses>()
  let beingWritten: ReadonlyMap<KeyId, Uses> = new Map()
  let writing: Promise<void> = Promise.resolve()

  const usesOf = (id: KeyId, now: Instant): Uses | undefined => {
    const day = Math.floor(now / DAY_MS)
    const known = held.get(id)
    if (known !== undefined) {
      if (known.day !== day) turnTo(known, day)
      return known
    }
    if (held.size >= USED_KEYS_MAX) return undefined
    const uses: Uses = { since: now, lastUsedAt: undefined, day, accepted: 0, refused: 0, earlier: undefined }
    held.set(id, uses)
    return uses
  }

  /** Takes the oldest until one is not due or there are `max`. */
  const take = (max: number, isDue: (uses: Uses) => boolean): Map<KeyId, Uses> => {
    const taken = new Map<KeyId, Uses>()
    for (const [id, uses] of held) {
      if (taken.size >= max || !isDue(uses)) break
      taken.set(id, uses)
      held.delete(id)
    }
    return taken
  }

  const takeBack = (id: KeyId, uses: Uses): void => {
    const known = held.get(id)
    if (known !== undefined) join(known, uses)
    else if (held.size < USED_KEYS_MAX) held.set(id, uses)
  }

  const write = async (taken: Map<KeyId, Uses>): Promise<void> => {
    beingWritten = taken
    const entries = [...taken]
    let written = 0
    try {
      for (; written < entries.length; written += KEYS_WRITTEN_AT_ONCE) {
        await keys.noteUses(entries.slice(written, written + KEYS_WRITTEN_AT_ONCE).map(asKeyUses))
      }
    } finally {
      beingWritten = new Map()
      for (const [id, uses] of entries.slice(written)) takeBack(id, uses)
    }
  }

  /** One write at a time: what is being written is known, and nothing is written twice. */
  const inTurn = (choose: () => Map<KeyId, Uses>): Promise<void> => {
    const next = writing.then(() => write(choose()))
    writing = next.catch(() => undefined)
    return next
  }

  return {
    accepted(id, now) {
      const uses = usesOf(id, now)
      if (uses === undefined) return
      uses.accepted += 1
      if (uses.lastUsedAt === undefined || uses.lastUsedAt < now) uses.lastUsedAt = now
    },
    refused(id, now) {
      const uses = usesOf(id, now)
      if (uses !== undefined) uses.refused += 1
    },
    lastUsedAt: (id) => held.get(id)?.lastUsedAt ?? beingWritten.get(id)?.lastUsedAt,
    writeDue: (now) =>
      inTurn(() => {
        const max = held.size > USED_KEYS_MAX / 2 ? KEYS_WRITTEN_IN_NEED : KEYS_WRITTEN_PER_RUN
        // Also when the clock was set back since.
        return take(max, ({ since }) => now - since >= USAGE_FLUSH_MS - USAGE_RUN_MS || since > now)
      }),
    writeKey: (id) =>
      inTurn(() => {
        const uses = held.get(id)
        held.delete(id)
        return new Map(uses === undefined ? [] : [[id, uses]])
      }),
    writeAll: () => inTurn(() => take(KEYS_WRITTEN_AT_END_MAX, () => true)),
  }
}

function turnTo(uses: Uses, day: number): void {
  uses.earlier = new Map(daysOf(uses))
  const known = uses.earlier.get(day)
  uses.earlier.delete(day)
  uses.day = day
  uses.accepted = known?.accepted ?? 0
  uses.refused = known?.refused ?? 0
}

function join(known: Uses, more: Uses): void {
  if (more.lastUsedAt !== undefined && (known.lastUsedAt ?? more.lastUsedAt) <= more.lastUsedAt) {
    known.lastUsedAt = more.lastUsedAt
  }
  const days = new Map(daysOf(known))
  for (const [day, { accepted, refused }] of daysOf(more)) {
    const count = days.get(day)
    days.set(day, { accepted: accepted + (count?.accepted ?? 0), refused: refused + (count?.refused ?? 0) })
  }
  const today = days.get(known.day)
  known.accepted = today?.accepted ?? 0
  known.refused = today?.refused ?? 0
  days.delete(known.day)
  known.earlier = days
}

function daysOf({ day, accepted, refused, earlier }: Uses): readonly (readonly [number, DayCount])[] {
  return [...(earlier ?? []), [day, { accepted, refused }]]
}

function asKeyUses([id, uses]: readonly [KeyId, Uses]): KeyUses {
  const { lastUsedAt } = uses
  return { id, days: new Map(daysOf(uses)), ...(lastUsedAt !== undefined && { lastUsedAt }) }
}
