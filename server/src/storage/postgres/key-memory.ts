import type { UserId } from '../../core/ids.ts'
import type { FoundKey } from '../../core/keys/api-key.ts'
import type { Fingerprint } from '../../core/keys/fingerprint.ts'
import type { StoreChange } from '../../core/ports/store-changes.ts'

/** Fingerprints of which is remembered that they lead to nothing, or to a key that was revoked. */
export const ENDED_MAX = 10_000

/**
 * How long is remembered that a fingerprint leads to nothing, in ms: other nodes tell of what they change, and not of what
 * they create.
 */
export const NOTHING_MAX_MS = 1_000

/** Keys that were asked for lately and that are passed over when one has to go: nobody waits while all are looked at. */
export const PASSED_OVER_MAX = 1_000

/** What a fingerprint led to when it was looked up. */
export type Recalled = { readonly found: FoundKey | undefined }

/** A look-up under way. */
export type Loading = {
  readonly fingerprint: Fingerprint
  isOutdated: boolean
  /** Should it lead to no good key. */
  isEndOutdated: boolean
}

type Live = { readonly found: FoundKey; used: boolean }
type Ended = Recalled & { readonly until: number }

/**
 * What fingerprints lead to, as far as this node has heard. Bounded: of the keys, those that were not asked for lately go
 * first; the others, of which somebody who guesses can make any number, go all at once.
 */
export class KeyMemory {
  readonly #max: number
  readonly #now: () => number
  readonly #live = new Map<Fingerprint, Live>()
  readonly #ended = new Map<Fingerprint, Ended>()
  /** As many as reads may be under way. */
  readonly #loading = new Set<Loading>()

  /** `max`: good keys that are remembered. `now`: a clock that only ever goes forward, in ms. */
  constructor(max: number, now: () => number) {
    this.#max = max
    this.#now = now
  }

  /** Fingerprints that are remembered. */
  get size(): number {
    return this.#live.size + this.#ended.size
  }

  /** Undefined when it is not remembered. */
  recall(fingerprint: Fingerprint): Recalled | undefined {
    const live = this.#live.get(fingerprint)
    if (live === undefined) return this.#recallEnded(fingerprint)
    live.used = true
    return live
  }

  /** To be called before a fingerprint is looked up in the store, and followed by `remember` or `giveUp`. */
  startLoading(fingerprint: Fingerprint): Loading {
    const loading = { fingerprint, isOutdated: false, isEndOutdated: false }
    this.#loading.add(loading)
    return loading
  }

  giveUp(loading: Loading): void {
    this.#loading.delete(loading)
  }

  /** Remembers what a look-up found, unless something was heard meanwhile that the store may not have known when it looked. */
  remember(loading: Loading, found: FoundKey | undefined): void {
    this.#loading.delete(loading)
    const { fingerprint } = loading
    const hasEnded = found === undefined || found.revocation !== undefined
    // To ask once more is never wrong.
    if (hasEnded) this.#live.delete(fingerprint)
    if (loading.isOutdated) return
    if (hasEnded) {
      if (!loading.isEndOutdated) this.#rememberEnded(fingerprint, found)
    } else {
      this.#ended.delete(fingerprint)
      if (this.#live.size >= this.#max && !this.#live.has(fingerprint)) this.#forgetOne()
      this.#live.set(fingerprint, { found, used: false })
    }
  }

  /** Forgets what a change may have made untrue. */
  obey(change: StoreChange): void {
    switch (change.kind) {
      case 'keys':
        this.forget(change.fingerprints)
        break
      case 'owner':
        this.#forgetOwner(change.owner)
        break
      case 'everything':
        this.#live.clear()
        this.#ended.clear()
        this.#outdateAll()
        break
      case 'access':
      case 'sessions':
      case 'lease':
        break
    }
  }

  /** Forgets what these lead to. */
  forget(fingerprints: readonly Fingerprint[]): void {
    for (const fingerprint of fingerprints) {
      this.#live.delete(fingerprint)
      this.#ended.delete(fingerprint)
    }
    if (this.#loading.size === 0) return
    const concerned = new Set(fingerprints)
    for (const loading of this.#loading) if (concerned.has(loading.fingerprint)) loading.isOutdated = true
  }

  /**
   * Forgets all fingerprints that led to no good key: the store knows better. What leads to a good one is left alone:
   * whoever guesses has this called, and must not keep others from being remembered.
   */
  forgetEnded(): void {
    this.#ended.clear()
    for (const loading of this.#loading) loading.isEndOutdated = true
  }

  #recallEnded(fingerprint: Fingerprint): Recalled | undefined {
    const ended = this.#ended.get(fingerprint)
    if (ended === undefined || ended.found !== undefined || this.#now() < ended.until) return ended
    this.#ended.delete(fingerprint)
    return undefined
  }

  #rememberEnded(fingerprint: Fingerprint, found: FoundKey | undefined): void {
    if (this.#ended.size >= ENDED_MAX) this.#ended.clear()
    this.#ended.set(fingerprint, { found, until: this.#now() + NOTHING_MAX_MS })
  }

  #forgetOwner(owner: UserId): void {
    for (const memory of [this.#live, this.#ended]) {
      for (const [fingerprint, { found }] of memory) {
        if (found === undefined || found.key.owner === owner) memory.delete(fingerprint)
      }
    }
    // Nobody knows yet whose they are.
    this.#outdateAll()
  }

  #outdateAll(): void {
    for (const loading of this.#loading) loading.isOutdated = true
  }

  /** Second chance: who was asked for since it came or was passed over goes behind the others; the next one goes. */
  #forgetOne(): void {
    let passedOver = 0
    for (const [fingerprint, entry] of this.#live) {
      this.#live.delete(fingerprint)
      if (!entry.used || passedOver === PASSED_OVER_MAX) return
      passedOver += 1
      entry.used = false
      this.#live.set(fingerprint, entry)
    }
  }
}
