import { DomainError } from '../../core/errors.ts'
import type { Clock } from '../../core/ports/clock.ts'
import type { Randomness } from '../../core/ports/randomness.ts'
import type { ScrollLimits, ScrollStore } from '../../core/ports/scroll-store.ts'

/** What a scroll walks through; an id of one kind is unknown to the other. */
export type ScrollKind = 'users' | 'profiles'

/** The next part of a frozen result set. */
export type ScrollPage = {
  readonly hits: readonly unknown[]
  /** Matches of the whole search, whatever was answered already. */
  readonly total: number
}

/** A result set to freeze. */
export type ScrollRequest = {
  readonly kind: ScrollKind
  /** What is still to be answered, in order; must be plain JSON. */
  readonly rest: readonly unknown[]
  readonly total: number
  /** Hits for each page. */
  readonly pageSize: number
  readonly ttlMs: number
}

/** Frozen result sets, handed out page by page: what changed after the search does not show. */
export interface Scrolls {
  /**
   * Freezes a result set and answers its unguessable id.
   *
   * @throws {DomainError} `scroll.too_many` when the open ones already hold as much as they may.
   */
  open(request: ScrollRequest): Promise<string>
  /**
   * The next page, empty once all were answered; the scroll then lives for `ttlMs` from now.
   *
   * @throws {DomainError} `scroll.not_found` when never opened, expired, or of another kind.
   */
  next(kind: ScrollKind, id: string, ttlMs: number): Promise<ScrollPage>
}

/** As many scrolls as Elasticsearch keeps open by default, in a bounded part of the store. */
export const SCROLL_LIMITS: ScrollLimits = { openMax: 500, sizeMax: 64 * 1024 * 1024 }

/** Scrolls in the store, so that any node can go on with them. */
export function createScrolls(
  store: ScrollStore,
  clock: Clock,
  randomness: Randomness,
  limits: ScrollLimits = SCROLL_LIMITS,
): Scrolls {
  return {
    async open({ kind, rest, total, pageSize, ttlMs }) {
      const now = clock.now()
      const id = randomness.uuid()
      const results = { id, kind, total, pages: pagesOf(rest, pageSize), expiresAt: now + ttlMs }
      if (await store.open(results, limits, now)) return id
      throw new DomainError(
        'scroll.too_many',
        `Cannot open a scroll: with it more than ${limits.openMax} would be open, or hold more than they may`,
      )
    },
    async next(kind, id, ttlMs) {
      const now = clock.now()
      const page = await store.next(kind, id, { now, expiresAt: now + ttlMs })
      if (page === undefined) {
        throw new DomainError('scroll.not_found', `Cannot continue scroll "${id}": unknown or expired`, {
          id,
        })
      }
      return { hits: JSON.parse(page.hits), total: page.total }
    },
  }
}

function pagesOf(hits: readonly unknown[], pageSize: number): readonly string[] {
  const pages: string[] = []
  for (let at = 0; at < hits.length; at += pageSize) {
    pages.push(JSON.stringify(hits.slice(at, at + pageSize)))
  }
  return pages
}
