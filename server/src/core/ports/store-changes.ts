import type { UserId } from '../ids.ts'
import type { Fingerprint } from '../keys/fingerprint.ts'

/**
 * Something that several nodes on one store have to hear of.
 *
 * - `keys`: what these fingerprints lead to is something else now
 * - `owner`: what all fingerprints of an owner lead to is something else now
 * - `everything`: anything may be something else now, sessions and roles included
 * - `access`: roles, profiles, or who holds them
 * - `sessions`: these sessions ended before their time
 * - `lease`: what nodes hold of the budget of a key is wanted back
 *
 * Changes may be heard more than once, and in any order: each says that something may not be trusted any more, and never
 * what it is now.
 */
export type StoreChange =
  | { readonly kind: 'keys'; readonly fingerprints: readonly Fingerprint[] }
  | { readonly kind: 'owner'; readonly owner: UserId }
  | { readonly kind: 'everything' }
  | { readonly kind: 'access' }
  | { readonly kind: 'sessions'; readonly fingerprints: readonly Fingerprint[] }
  | { readonly kind: 'lease'; readonly keyUid: string }

/** Who made a change. One of this node of which it was not told that it is stored counts as made by another. */
export type ChangeOrigin = 'this node' | 'another node'

/** Hears of a change; must not throw. */
export type ChangeListener = (change: StoreChange, origin: ChangeOrigin) => void

/** What all nodes on one store change, as far as this node has heard. */
export interface StoreChanges {
  /** Whether every change that was acknowledged more than `cluster.staleAfterMs` ago was heard. */
  isFresh(): boolean

  /**
   * Hears of every change from now on: those of this node before they are acknowledged, those of others when they are told
   * of. Answers what ends that.
   */
  listen(listener: ChangeListener): () => void

  /** How far this node is behind. */
  lag(): ChangeLag
}

/** How far a node is behind what all of them change. */
export type ChangeLag = {
  /** Every change that was committed longer ago than this was heard, in ms; infinite before the first time. */
  readonly heardMsAgo: number
  /** Number of the last change that was heard of those that are numbered. */
  readonly heardSequence: number
}
