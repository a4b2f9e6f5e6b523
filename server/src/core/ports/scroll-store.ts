import type { Instant } from '../record.ts'

/** The rest of a result set as it was found, to be answered page by page. */
export type FrozenResults = {
  /** Unguessable. */
  readonly id: string
  /** What was searched; an id of one kind is unknown to the others. */
  readonly kind: string
  /** Matches of the whole search, whatever was answered already. */
  readonly total: number
  /** What is still to be answered: for each page its hits, as the text of a JSON array. */
  readonly pages: readonly string[]
  readonly expiresAt: Instant
}

/** How much may be kept at once; what is opened at the very same moment over several nodes may exceed it. */
export type ScrollLimits = {
  readonly openMax: number
  /** All pages together, as UTF-16 code units. */
  readonly sizeMax: number
}

/** Result sets that are walked through, on any node. Need not survive a crash of the store. */
export interface ScrollStore {
  /** Keeps a result set; false, and nothing kept, when those that did not expire by `now` and it are too many. */
  open(results: FrozenResults, limits: ScrollLimits, now: Instant): Promise<boolean>
  /**
   * The hits of the next page, an empty array when all were answered; each page is answered to one caller. From then on the
   * results expire at `expiresAt`. Undefined when there are none of that kind and id, or they expired.
   */
  next(
    kind: string,
    id: string,
    times: { readonly now: Instant; readonly expiresAt: Instant },
  ): Promise<{ readonly hits: string; readonly total: number } | undefined>
  /** Forgets at most `max` result sets that expired; answers how many. */
  purgeExpired(now: Instant, max: number): Promise<number>
}
