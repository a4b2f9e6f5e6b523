import type { KeyId } from '../ids.ts'
import type { KeyStore } from '../ports/key-store.ts'
import type { Instant } from '../record.ts'
import { USAGE_FLUSH_MS } from './api-key.ts'
import { createUseTable, type TakenUses, type UsesPlace } from './use-table.ts'

/**
 * Uses of keys on their way into the store: counted in memory and written in batches, so that no use costs a write.
 *
 * Somebody must call `writeDue` every `USAGE_RUN_MS` (`createHousekeeping` does) and `writeAll` before the store is
 * closed. A crash loses the uses of the last `flushMs`; where more keys than `KEYS_WRITTEN_PER_RUN` are in use
 * each second, those of as long as it takes to write that many of them each second. All writes reject as the store does,
 * and nothing is lost by that.
 */
export interface UsageCounter {
  /** `place`: what was given for the same key before, so that it need not be looked up; it is written down there. */
  accepted(id: KeyId, now: Instant, place?: UsesPlace): void
  /** A refused use does not keep a key from idling out. */
  refused(id: KeyId, now: Instant): void
  /** Last accepted use that may not be in the store yet. */
  lastUsedAt(id: KeyId): Instant | undefined
  /** Writes what was counted longest ago, before it is older than `flushMs`; a bounded number of keys. */
  writeDue(now: Instant): Promise<void>
  /** Writes what was counted of one key. */
  writeKey(id: KeyId): Promise<void>
  /** Writes what was counted, of `KEYS_WRITTEN_AT_END_MAX` keys at most. */
  writeAll(): Promise<void>
}

/** How often `writeDue` is to be called, in ms. */
export const USAGE_RUN_MS = 1_000

/** Keys whose uses are held at the same time, about 100 bytes each; uses of further keys are not counted. */
export const USED_KEYS_MAX = 1_000_000

/** Keys that one run writes, at 5 to 20 microseconds each: verifications keep the rest of the time. */
export const KEYS_WRITTEN_PER_RUN = 8_000

/** The same when there is little room left. */
const KEYS_WRITTEN_IN_NEED = 4 * KEYS_WRITTEN_PER_RUN

/** As many as can be written while the server stops; it must not stop for long. */
export const KEYS_WRITTEN_AT_END_MAX = 100_000

/** Keys of one call of the store, so that no request waits long for it. */
const KEYS_WRITTEN_AT_ONCE = 500

/** Counts uses for the keys of that store, each of which is written every `flushMs`, at least `USAGE_RUN_MS`. */
export function createUsageCounter(
  keys: Pick<KeyStore, 'noteUses'>,
  flushMs: number = USAGE_FLUSH_MS,
): UsageCounter {
  const held = createUseTable(USED_KEYS_MAX)
  let beingWritten: ReadonlyMap<KeyId, TakenUses> = new Map()
  let writing: Promise<void> = Promise.resolve()

  const write = async (taken: readonly TakenUses[]): Promise<void> => {
    beingWritten = new Map(taken.map((each) => [each.uses.id, each]))
    let written = 0
    try {
      for (; written < taken.length; written += KEYS_WRITTEN_AT_ONCE) {
        await keys.noteUses(taken.slice(written, written + KEYS_WRITTEN_AT_ONCE).map(({ uses }) => uses))
      }
    } finally {
      beingWritten = new Map()
      for (const each of taken.slice(written)) held.putBack(each)
    }
  }

  /** One write at a time: what is being written is known, and nothing is written twice. */
  const inTurn = (choose: () => readonly TakenUses[]): Promise<void> => {
    const next = writing.then(() => write(choose()))
    writing = next.catch(() => undefined)
    return next
  }

  return {
    accepted: (id, now, place) => held.accepted(id, now, place),
    refused: (id, now) => held.refused(id, now),
    lastUsedAt: (id) => held.lastUsedAt(id) ?? beingWritten.get(id)?.uses.lastUsedAt,
    writeDue: (now) =>
      inTurn(() => {
        const max = held.size > USED_KEYS_MAX / 2 ? KEYS_WRITTEN_IN_NEED : KEYS_WRITTEN_PER_RUN
        // Also when the clock was set back since.
        return held.take(max, (since) => now - since >= flushMs - USAGE_RUN_MS || since > now)
      }),
    writeKey: (id) => inTurn(() => held.takeKey(id)),
    writeAll: () => inTurn(() => held.take(KEYS_WRITTEN_AT_END_MAX, () => true)),
  }
}
