import type { Fingerprint } from './fingerprint.ts'

/** Tells who wants to know that tokens ended before their time. */
export interface EndedTokens {
  onEnded(listener: (fingerprint: Fingerprint) => void): void
  /** Call it after the end is durable. */
  announce(fingerprints: readonly Fingerprint[]): void
}

/** Listeners live as long as the process, so there is no way to take one off. */
export function createEndedTokens(): EndedTokens {
  const listeners: ((fingerprint: Fingerprint) => void)[] = []
  return {
    onEnded: (listener) => {
      listeners.push(listener)
    },
    announce: (fingerprints) => {
      for (const fingerprint of fingerprints) {
        for (const listener of listeners) listener(fingerprint)
      }
    },
  }
}
