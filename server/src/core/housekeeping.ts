import type { RefusalLog } from './audit/refusal-log.ts'
import type { CoreSettings } from './core-settings.ts'
import type { UsageCounter } from './keys/usage-counter.ts'
import type { Clock } from './ports/clock.ts'
import type { Storage } from './ports/storage.ts'
import type { Instant } from './record.ts'

/** Work that nobody asks for and somebody must start regularly. */
export interface Housekeeping {
  /**
   * Writes refusals to the audit trail and, when they are due, uses of keys to the store; seals the trail; forgets sessions
   * and names of requests that expired, and what is kept of keys only for a while. Bounded: what is left waits for the next run.
   * Rejects as the store does, and may be run again then. Runs never overlap: a second call waits for the first.
   */
  runOnce(): Promise<void>
  /** Writes everything that waits, whether or not it is time: the last thing before the store is closed. */
  finish(): Promise<void>
}

/** Entries that one statement forgets, so that no request waits long for the store. */
const PURGED_AT_ONCE = 1_000

/** Such statements of one run. */
const PURGES_PER_RUN_MAX = 10

/** How often a batch is forgotten of secrets that ended, keys that were revoked, and use of long ago. */
export const KEYS_PURGED_EVERY_MS = 10_000

/** Holds no timer: the application runs it about once a second, and `finish` before the store is closed. */
export function createHousekeeping(deps: {
  readonly storage: Storage
  readonly clock: Clock
  readonly refusals: RefusalLog
  readonly uses: UsageCounter
  readonly settings: Pick<CoreSettings, 'revokedKeptMs' | 'usageKeptMs' | 'knoxExpiredKeptMs'>
}): Housekeeping {
  const { storage, clock, refusals, uses, settings } = deps
  let running: Promise<void> = Promise.resolve()
  const isTimeToPurgeKeys = atIntervals(KEYS_PURGED_EVERY_MS)

  const run = async (): Promise<void> => {
    const now = clock.now()
    await refusals.flush()
    await uses.writeDue(now)
    await storage.audit.seal()
    await purgeExpired(storage.sessions, now)
    await purgeExpired(storage.idempotency, now)
    await purgeExpired(storage.scrolls, now)
    if (!isTimeToPurgeKeys(now)) return
    const { revokedKeptMs, usageKeptMs, knoxExpiredKeptMs } = settings
    await storage.keys.purge({
      now,
      revokedBefore: now - revokedKeptMs,
      usedBefore: now - usageKeptMs,
      ...(knoxExpiredKeptMs !== undefined && { knoxExpiredBefore: now - knoxExpiredKeptMs }),
    })
  }

  const inTurn = (work: () => Promise<void>): Promise<void> => {
    const next = running.then(work)
    running = next.catch(() => undefined)
    return next
  }

  return {
    runOnce: () => inTurn(run),
    finish: () =>
      inTurn(async () => {
        await refusals.flush()
        await uses.writeAll()
        await storage.audit.seal()
      }),
  }
}

/** Sessions, names of requests, or results of searches: what is forgotten once its time is over. */
type Expiring = { purgeExpired(now: Instant, max: number): Promise<number> }

async function purgeExpired(entries: Expiring, now: Instant): Promise<void> {
  for (let purges = 0; purges < PURGES_PER_RUN_MAX; purges++) {
    const count = await entries.purgeExpired(now, PURGED_AT_ONCE)
    if (count < PURGED_AT_ONCE) return
  }
}

/** True the first time, and then once in each interval; also when the clock was set back. */
function atIntervals(intervalMs: number): (now: Instant) => boolean {
  let last: Instant | undefined
  return (now) => {
    if (last !== undefined && now >= last && now - last < intervalMs) return false
    last = now
    return true
  }
}
