import type { UserId } from '../../core/ids.ts'
import type { FoundKey } from '../../core/keys/api-key.ts'
import type { Fingerprint } from '../../core/keys/fingerprint.ts'
import { FingerprintIndex } from './fingerprint-index.ts'

/** Fingerprints of which is remembered that they lead to nothing, or to a key that was revoked. */
export const ENDED_CACHE_MAX = 10_000

/** What a fingerprint led to when it was looked up. */
export type Recalled = { readonly found: FoundKey | undefined }

/**
 * What fingerprints lead to. Bounded: of the keys, those that were not asked for lately go first; the others, of which
 * somebody who guesses can make any number, go all at once.
 */
export class KeyMemory {
  readonly #max: number
  readonly #index = new FingerprintIndex()
  /** By place; undefined: the place is free. */
  readonly #live: (FoundKey | undefined)[] = []
  /** By place: 1 when it was asked for since it came or was passed over. */
  #used = new Uint8Array(1_024)
  readonly #freePlaces: number[] = []
  /** The place that is next to be looked at when one has to go. */
  #hand = 0
  readonly #ended = new Map<Fingerprint, Recalled>()

  constructor(max: number) {
    this.#max = max
  }

  /** Fingerprints that are remembered. */
  get size(): number {
    return this.#live.length - this.#freePlaces.length + this.#ended.size
  }

  /** The good key that a fingerprint leads to, if it is remembered. */
  recall(fingerprint: Fingerprint): FoundKey | undefined {
    const place = this.#index.placeOf(fingerprint)
    if (place < 0) return undefined
    this.#used[place] = 1
    return this.#live[place]
  }

  /** That a fingerprint leads to no good key, if it is remembered. */
  recallEnd(fingerprint: Fingerprint): Recalled | undefined {
    return this.#ended.get(fingerprint)
  }

  /** What is not remembered yet. */
  remember(fingerprint: Fingerprint, found: FoundKey | undefined): void {
    if (found === undefined || found.revocation !== undefined) {
      if (this.#ended.size >= ENDED_CACHE_MAX) this.#ended.clear()
      this.#ended.set(fingerprint, { found })
      return
    }
    const known = this.#index.placeOf(fingerprint)
    const place = known < 0 ? this.#freePlace() : known
    if (known < 0) this.#index.add(fingerprint, place)
    this.#live[place] = found
    this.#used[place] = 0
  }

  /** Forgets what a fingerprint led to, and every one that led to no good key: one of them may now. */
  forget(fingerprint: Fingerprint): void {
    const place = this.#index.remove(fingerprint)
    if (place >= 0) this.#free(place)
    this.forgetEnded()
  }

  /** Forgets that a fingerprint led to no good key. */
  forgetEnd(fingerprint: Fingerprint): void {
    this.#ended.delete(fingerprint)
  }

  /** Forgets all fingerprints that led to no good key. */
  forgetEnded(): void {
    if (this.#ended.size > 0) this.#ended.clear()
  }

  forgetOwner(owner: UserId): void {
    for (const [place, found] of this.#live.entries()) {
      if (found?.key.owner !== owner) continue
      this.#index.removeAt(place)
      this.#free(place)
    }
    this.forgetEnded()
  }

  forgetAll(): void {
    this.#index.clear()
    this.#live.length = 0
    this.#freePlaces.length = 0
    this.#hand = 0
    this.#ended.clear()
  }

  #free(place: number): void {
    this.#live[place] = undefined
    this.#freePlaces.push(place)
  }

  #freePlace(): number {
    const free = this.#freePlaces.pop()
    if (free !== undefined) return free
    const next = this.#live.length
    if (next >= this.#max) return this.#makeRoom()
    if (next === this.#used.length) {
      const used = new Uint8Array(2 * next)
      used.set(this.#used)
      this.#used = used
    }
    return next
  }

  /** Second chance: who was asked for since it came or was passed over is passed over; the next one goes. */
  #makeRoom(): number {
    for (;;) {
      const place = this.#hand
      this.#hand = (place + 1) % this.#live.length
      if (this.#used[place] === 0) {
        this.#index.removeAt(place)
        return place
      }
      this.#used[place] = 0
    }
  }
}
