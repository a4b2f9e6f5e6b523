import type { Instant } from '../record.ts'
import type { ApiKey } from './api-key.ts'
import type { Fingerprint } from './fingerprint.ts'

/** The tokens that a listener wants to hear of. */
export type WatchedTokens = {
  has(fingerprint: Fingerprint): boolean
  /** All of them, as they are at the moment. */
  keys(): Iterable<Fingerprint>
}

/** Tells who wants to know that tokens ended before their time, or will end at another time. */
export interface EndedTokens {
  /** `watched`: what the listener wants to hear of when another process made it so; absent: nothing. */
  onEnded(listener: (fingerprint: Fingerprint) => void, watched?: WatchedTokens): void
  onLifeChanged(listener: LifeListener): void
  /** Call it after the end is durable. */
  announce(fingerprints: readonly Fingerprint[]): void
  /** Call it after the change is durable. Absent: the token never ends by itself. */
  announceLife(fingerprint: Fingerprint, expiresAt: Instant | undefined): void
  isWatched(fingerprint: Fingerprint): boolean
  /** What any listener watches. */
  watched(): readonly Fingerprint[]
}

type LifeListener = (fingerprint: Fingerprint, expiresAt: Instant | undefined) => void

/** Listeners live as long as the process, so there is no way to take one off. */
export function createEndedTokens(): EndedTokens {
  const listeners: ((fingerprint: Fingerprint) => void)[] = []
  const lifeListeners: LifeListener[] = []
  const watches: WatchedTokens[] = []
  return {
    onEnded: (listener, watched) => {
      listeners.push(listener)
      if (watched !== undefined) watches.push(watched)
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
    isWatched: (fingerprint) => watches.some((watched) => watched.has(fingerprint)),
    watched: () => watches.flatMap((watched) => [...watched.keys()]),
  }
}

/** Fingerprints of every secret that a key has or had not long ago. */
export function fingerprintsOf({ fingerprint, previous = [] }: ApiKey): readonly Fingerprint[] {
  return [fingerprint, ...previous.map((secret) => secret.fingerprint)]
}
