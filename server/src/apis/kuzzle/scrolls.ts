import { DomainError } from '../../core/errors.ts'
import type { Clock } from '../../core/ports/clock.ts'
import type { Randomness } from '../../core/ports/randomness.ts'
import type { Instant } from '../../core/record.ts'

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
  open(request: ScrollRequest): string
  /**
   * The next page, empty once all were answered; the scroll then lives for `ttlMs` from now.
   *
   * @throws {DomainError} `scroll.not_found` when never opened, expired, or of another kind.
   */
  next(kind: ScrollKind, id: string, ttlMs: number): ScrollPage
}

/** How much may be kept open at once. */
export type ScrollLimits = {
  readonly openMax: number
  /** All frozen hits together, as UTF-16 code units of their JSON. */
  readonly sizeMax: number
}

/** As many scrolls as Elasticsearch keeps open by default, in a bounded part of the heap. */
export const SCROLL_LIMITS: ScrollLimits = { openMax: 500, sizeMax: 64 * 1024 * 1024 }

/** Scrolls in the memory of this process; they end with it. */
export function createScrolls(
  clock: Clock,
  randomness: Randomness,
  limits: ScrollLimits = SCROLL_LIMITS,
): Scrolls {
  const open = new Map<string, FrozenSet>()
  let size = 0

  const forget = (id: string, set: FrozenSet) => {
    open.delete(id)
    size -= set.size
  }
  const forgetExpired = (now: Instant) => {
    for (const [id, set] of open) if (set.expiresAt <= now) forget(id, set)
  }

  return {
    open({ kind, rest, total, pageSize, ttlMs }) {
      const now = clock.now()
      forgetExpired(now)
      if (open.size >= limits.openMax) throw tooMany(`${open.size} are open already`)
      const hits = freeze(rest, limits.sizeMax - size)
      const id = randomness.uuid()
      open.set(id, { kind, total, pageSize, ...hits, position: 0, expiresAt: now + ttlMs })
      size += hits.size
      return id
    },

    next(kind, id, ttlMs) {
      const now = clock.now()
      forgetExpired(now)
      const set = open.get(id)
      if (set === undefined || set.kind !== kind) {
        throw new DomainError('scroll.not_found', `Cannot continue scroll "${id}": unknown or expired`, {
          id,
        })
      }
      const page = set.hits.slice(set.position, set.position + set.pageSize)
      set.position += page.length
      set.expiresAt = now + ttlMs
      return { hits: page.map((text) => JSON.parse(text)), total: set.total }
    },
  }
}

type FrozenSet = {
  readonly kind: ScrollKind
  readonly total: number
  readonly pageSize: number
  readonly hits: readonly string[]
  readonly size: number
  position: number
  expiresAt: Instant
}

function freeze(hits: readonly unknown[], sizeMax: number): Pick<FrozenSet, 'hits' | 'size'> {
  const texts: string[] = []
  let size = 0
  for (const hit of hits) {
    const text = JSON.stringify(hit)
    size += text.length
    if (size > sizeMax) throw tooMany('the open ones and this one would need more memory than they may')
    texts.push(text)
  }
  return { hits: texts, size }
}

function tooMany(state: string): DomainError {
  return new DomainError('scroll.too_many', `Cannot open a scroll: ${state}`)
}
