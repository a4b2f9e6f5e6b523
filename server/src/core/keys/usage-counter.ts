import type { KeyId } from '../ids.ts'
import type { KeyStore, KeyUses } from '../ports/key-store.ts'
import type { Instant } from '../record.ts'
import { USAGE_FLUSH_MS } from './api-key.ts'
import { createUseTable, type UsesPlace } from './use-table.ts'

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
  /** Writes what was counted of these keys; waits for `KEYS_WRITTEN_AT_ONCE` others at the most. */
  writeKeys(ids: readonly KeyId[]): Promise<void>
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
  let beingWritten: ReadonlyMap<KeyId, KeyUses> = new Map()
  let writing: Promise<void> = Promise.resolve()

  const write = async (taken: readonly KeyUses[]): Promise<number> => {
    if (taken.length === 0) return 0
    beingWritten = new Map(taken.map((uses) => [uses.id, uses]))
    try {
      await keys.noteUses(taken)
    } catch (error) {
      for (const uses of taken) held.putBack(uses)
      throw error
    } finally {
      beingWritten = new Map()
    }
    return taken.length
  }

  /** One write at a time: what is being written is known, and nothing is written twice. Answers of how many keys. */
  const inTurn = (choose: () => readonly KeyUses[]): Promise<number> => {
    const next = writing.then(() => write(choose()))
    writing = next.then(noop, noop)
    return next
  }

  /** A turn for each part, so that whoever wants single keys written need not wait for all of them. */
  const writeMany = async (max: number, isDue: (since: Instant) => boolean): Promise<void> => {
    for (let left = max; left > 0; ) {
      const count = await inTurn(() => held.take(Math.min(left, KEYS_WRITTEN_AT_ONCE), isDue))
      if (count === 0) return
      left -= count
    }
  }

  return {
    accepted: (id, now, place) => held.accepted(id, now, place),
    refused: (id, now) => held.refused(id, now),
    lastUsedAt: (id) => held.lastUsedAt(id) ?? beingWritten.get(id)?.lastUsedAt,
    writeDue: (now) => {
      const max = held.size > USED_KEYS_MAX / 2 ? KEYS_WRITTEN_IN_NEED : KEYS_WRITTEN_PER_RUN
      // Also when the clock was set back since.
      return writeMany(max, (since) => now - since >= flushMs - USAGE_RUN_MS || since > now)
    },
    async writeKeys(ids) {
      const waiting = ids.filter((id) => held.has(id) || beingWritten.has(id))
      for (let start = 0; start < waiting.length; start += KEYS_WRITTEN_AT_ONCE) {
        await inTurn(() => held.takeKeys(waiting.slice(start, start + KEYS_WRITTEN_AT_ONCE)))
      }
    },
    writeAll: () => writeMany(KEYS_WRITTEN_AT_END_MAX, () => true),
  }
}

const noop = (): void => undefined
