import type { Instant } from '../record.ts'
import type { ApiKey } from './api-key.ts'
import type { Fingerprint } from './fingerprint.ts'

/** Tells who wants to know that tokens ended before their time, or will end at another time. */
export interface EndedTokens {
  onEnded(listener: (fingerprint: Fingerprint) => void): void
  onLifeChanged(listener: LifeListener): void
  /** Call it after the end is durable. */
  announce(fingerprints: readonly Fingerprint[]): void
  /** Call it after the change is durable. Absent: the token never ends by itself. */
  announceLife(fingerprint: Fingerprint, expiresAt: Instant | undefined): void
}

type LifeListener = (fingerprint: Fingerprint, expiresAt: Instant | undefined) => void

/** Listeners live as long as the process, so there is no way to take one off. */
export function createEndedTokens(): EndedTokens {
  const listeners: ((fingerprint: Fingerprint) => void)[] = []
  const lifeListeners: LifeListener[] = []
  return {
    onEnded: (listener) => {
      listeners.push(listener)
    },
    onLifeChanged: (listener) => {
      lifeListeners.push(listener)
    },
    announce: (fingerprints) => {
      for (const fingerprint of fingerprints) {
        for (const listener of listeners) listener(fingerprint)
      }
    },
    announceLife: (fingerprint, expiresAt) => {
      for (const listener of lifeListeners) listener(fingerprint, expiresAt)
    },
  }
}

/** Fingerprints of every secret that a key has or had not long ago. */
export function fingerprintsOf({ fingerprint, previous = [] }: ApiKey): readonly Fingerprint[] {
  return [fingerprint, ...previous.map((secret) => secret.fingerprint)]
}
