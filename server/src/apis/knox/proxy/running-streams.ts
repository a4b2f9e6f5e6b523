import type { WatchedTokens } from '../../../core/keys/ended-tokens.ts'
import type { Fingerprint } from '../../../core/keys/fingerprint.ts'

/** What is on its way for holders of keys, so that it can be cut when their key ends. */
export type RunningStreams = {
  /** Answers how to forget it. */
  add(fingerprint: Fingerprint, cut: () => void): () => void
}

/**
 * `onEnded` tells of keys that ended before their time, as `authority.tokens.onEnded` does. `recheck` has it tell, in a
 * later turn, of a key that ended since it was found good: services behind may take long before a stream begins.
 */
export function createRunningStreams(
  onEnded: (listener: (fingerprint: Fingerprint) => void, watched: WatchedTokens) => void,
  recheck: (fingerprint: Fingerprint) => void,
): RunningStreams {
  const running = new Map<Fingerprint, Set<() => void>>()
  onEnded((fingerprint) => {
    for (const cut of running.get(fingerprint) ?? []) cut()
  }, running)
  return {
    add(fingerprint, cut) {
      const cuts = running.get(fingerprint) ?? new Set()
      running.set(fingerprint, cuts.add(cut))
      recheck(fingerprint)
      return () => {
        cuts.delete(cut)
        if (cuts.size === 0 && running.get(fingerprint) === cuts) running.delete(fingerprint)
      }
    },
  }
}
