import type { Housekeeping } from '../core/housekeeping.ts'
import { every } from './every.ts'
import type { Log } from './log.ts'

/** How often refusals are written to the store, and expired sessions forgotten. */
const HOUSEKEEPING_INTERVAL_MS = 1_000

/** Keeps house regularly until `stop`. */
export function startHousekeeping(housekeeping: Housekeeping, log: Log): { stop(): void } {
  let isFailing = false
  const keepHouse = async (): Promise<void> => {
    try {
      await housekeeping.runOnce()
      if (isFailing) log.info({}, 'Housekeeping works again')
      isFailing = false
    } catch (error) {
      // Said once, not every second: it goes on until somebody mends the store.
      if (!isFailing) log.error({ err: error }, 'Housekeeping failed; it is tried again every second')
      isFailing = true
    }
  }
  return every(HOUSEKEEPING_INTERVAL_MS, () => void keepHouse())
}
