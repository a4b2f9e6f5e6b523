import type { RefusalLog } from './audit/refusal-log.ts'
import type { Clock } from './ports/clock.ts'
import type { Storage } from './ports/storage.ts'

/** Work that nobody asks for and somebody must start regularly. */
export interface Housekeeping {
  /**
   * Writes refusals to the audit trail and forgets sessions that expired. Bounded: what is left waits for the next run.
   * Rejects as the store does, and may be run again then. Runs never overlap: a second call waits for the first.
   */
  runOnce(): Promise<void>
}

/** Expired sessions that one statement forgets, so that no request waits long for the store. */
const SESSIONS_PURGED_AT_ONCE = 1_000

/** Such statements of one run. */
const PURGES_PER_RUN_MAX = 10

/** Holds no timer: the application runs it about once a second, and a last time before the store is closed. */
export function createHousekeeping(deps: {
  readonly storage: Storage
  readonly clock: Clock
  readonly refusals: RefusalLog
}): Housekeeping {
  let running: Promise<void> = Promise.resolve()

  const run = async (): Promise<void> => {
    await deps.refusals.flush()
    for (let purges = 0; purges < PURGES_PER_RUN_MAX; purges++) {
      const count = await deps.storage.sessions.purgeExpired(deps.clock.now(), SESSIONS_PURGED_AT_ONCE)
      if (count < SESSIONS_PURGED_AT_ONCE) return
    }
  }

  return {
    runOnce: () => {
      const next = running.then(run)
      running = next.catch(() => undefined)
      return next
    },
  }
}
