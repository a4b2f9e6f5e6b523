import type { Fingerprint } from '../../../core/keys/fingerprint.ts'

/** What is on its way for holders of keys, so that it can be cut when their key ends. */
export type RunningStreams = {
  /** Answers how to forget it. */
  add(fingerprint: Fingerprint, cut: () => void): () => void
}

/** `onEnded` tells of keys that ended before their time, as `authority.tokens.onEnded` does. */
export function createRunningStreams(
  onEnded: (listener: (fingerprint: Fingerprint) => void) => void,
): RunningStreams {
  const running = new Map<Fingerprint, Set<() => void>>()
  onEnded((fingerprint) => {
    for (const cut of running.get(fingerprint) ?? []) cut()
  })
  return {
    add(fingerprint, cut) {
      const cuts = running.get(fingerprint) ?? new Set()
      running.set(fingerprint, cuts.add(cut))
      return () => {
        cuts.delete(cut)
        if (cuts.size === 0 && running.get(fingerprint) === cuts) running.delete(fingerprint)
      }
    },
  }
}
