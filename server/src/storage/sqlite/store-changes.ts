import type { StoreChanges } from '../../core/ports/store-changes.ts'
import type { KeyNews } from './key-news.ts'

/** How often to look for changes of other processes while somebody listens, in ms: one number is read of the file. */
const POLL_MS = 200

/**
 * What other processes change in the same file, for who has to hear of it without asking. Reads need it not: they see every
 * change at once. What this process changes is not told.
 */
export function createStoreChanges(news: KeyNews): StoreChanges & { close(): void } {
  const timers = new Set<NodeJS.Timeout>()
  const look = (): void => {
    try {
      news.catchUp()
    } catch {
      // The file cannot be read just now: whoever needs it says so, and the next look finds what this one did not.
    }
  }
  return {
    isFresh: () => true,
    listen(listener) {
      const end = news.listen(listener)
      look()
      const timer = setInterval(look, POLL_MS)
      timer.unref()
      timers.add(timer)
      return () => {
        clearInterval(timer)
        timers.delete(timer)
        end()
      }
    },
    lag: () => ({ heardMsAgo: 0, heardSequence: 0 }),
    close() {
      for (const timer of timers) clearInterval(timer)
    },
  }
}
