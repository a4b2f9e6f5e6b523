import type { UserId } from '../../core/ids.ts'
import type { FoundKey } from '../../core/keys/api-key.ts'
import type { Fingerprint } from '../../core/keys/fingerprint.ts'

/** Fingerprints of which is remembered that they lead to nothing, or to a key that was revoked. */
export const ENDED_CACHE_MAX = 10_000

/** What a fingerprint led to when it was looked up. */
export type Recalled = { readonly found: FoundKey | undefined }

type Live = { readonly found: FoundKey; used: boolean }

/**
 * What fingerprints lead to. Bounded: of the keys, those that were not asked for lately go first; the others, of which
 * somebody who guesses can make any number, go all at once.
 */
export class KeyMemory {
  readonly #max: number
  readonly #live = new Map<Fingerprint, Live>()
  readonly #ended = new Map<Fingerprint, Recalled>()

  constructor(max: number) {
    this.#max = max
  }

  /** Fingerprints that are remembered. */
  get size(): number {
    return this.#live.size + this.#ended.size
  }

  /** Undefined when it is not remembered. */
  recall(fingerprint: Fingerprint): Recalled | undefined {
    const live = this.#live.get(fingerprint)
    if (live === undefined) return this.#ended.get(fingerprint)
    live.used = true
    return live
  }

  remember(fingerprint: Fingerprint, found: FoundKey | undefined): void {
    if (found === undefined || found.revocation !== undefined) {
      if (this.#ended.size >= ENDED_CACHE_MAX) this.#ended.clear()
      this.#ended.set(fingerprint, { found })
      return
    }
    this.#live.set(fingerprint, { found, used: false })
    if (this.#live.size > this.#max) this.#forgetOne()
  }

  /** Forgets what a fingerprint led to, and every one that led to no good key: one of them may now. */
  forget(fingerprint: Fingerprint): void {
    this.#live.delete(fingerprint)
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
    for (const [fingerprint, { found }] of this.#live) {
      if (found.key.owner === owner) this.#live.delete(fingerprint)
    }
    this.forgetEnded()
  }

  forgetAll(): void {
    this.#live.clear()
    this.#ended.clear()
  }

  /** Second chance: who was asked for since it came or was passed over goes behind the others; the next one goes. */
  #forgetOne(): void {
    for (const [fingerprint, entry] of this.#live) {
      this.#live.delete(fingerprint)
      if (!entry.used) return
      entry.used = false
      this.#live.set(fingerprint, entry)
    }
  }
}
