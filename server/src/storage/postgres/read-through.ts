import { DomainError } from '../../core/errors.ts'
import type { ChangeFeed } from './change-feed.ts'
import { unavailable } from './postgres-error.ts'

/** What a node answers while it neither hears of changes nor reaches the store. */
export type StalePolicy = {
  readonly whenUnreachable: 'refuse' | 'serve-stale'
  /** With `serve-stale`: how long what is remembered is answered after the last change could be heard of, in ms. */
  readonly staleMaxMs: number
}

/** How long a verification waits for the store, in ms, while changes are heard, and while nothing is. */
const READ_MAX_MS = 5_000
const SILENT_READ_MAX_MS = 2_000

/** What memory has; undefined: nothing. */
type Recall<T> = () => { readonly found: T } | undefined

/** Reads what memory cannot be trusted with, and knows what to do when the store does not answer. */
export class ReadThrough {
  readonly #feed: Pick<ChangeFeed, 'isFresh' | 'isBehind' | 'lag'>
  readonly #policy: StalePolicy
  /** The store did not answer the last time, and nothing was heard since. */
  #isSuspect = false
  #isTrying = false

  constructor(feed: Pick<ChangeFeed, 'isFresh' | 'isBehind' | 'lag'>, policy: StalePolicy) {
    this.#feed = feed
    this.#policy = policy
  }

  /**
   * What `load` reads. When the store does not answer, and the node heard nothing lately, what `recall` remembers, as far
   * as the policy allows it. While that lasts one at a time tries the store, and waits for it only if memory has no answer.
   *
   * @throws {DomainError} `storage.unavailable`, `server.overloaded`.
   */
  async read<T>(load: () => Promise<T>, recall: Recall<T>): Promise<T> {
    if (this.#isSuspect && this.#feed.isFresh()) this.#isSuspect = false
    if (!this.#isSuspect) return this.#load(load, recall)
    if (this.#isTrying) return this.#withoutStore(recall, unavailable('it did not answer lately'))
    const tried = this.#try(load, recall)
    const recalled = this.#isStaleServed() ? recall() : undefined
    if (recalled === undefined) return tried
    // Whoever comes next hears of how it went.
    tried.catch(() => undefined)
    return recalled.found
  }

  async #try<T>(load: () => Promise<T>, recall: Recall<T>): Promise<T> {
    this.#isTrying = true
    try {
      return await this.#load(load, recall)
    } finally {
      this.#isTrying = false
    }
  }

  async #load<T>(load: () => Promise<T>, recall: Recall<T>): Promise<T> {
    try {
      const found = await inTime(load(), this.#feed.isFresh() ? READ_MAX_MS : SILENT_READ_MAX_MS)
      this.#isSuspect = false
      return found
    } catch (error) {
      if (!(error instanceof DomainError) || error.code !== 'storage.unavailable') throw error
      if (!this.#feed.isFresh()) this.#isSuspect = true
      return this.#withoutStore(recall, error)
    }
  }

  #withoutStore<T>(recall: Recall<T>, error: DomainError): T {
    if (!this.#isStaleServed()) throw error
    const recalled = recall()
    if (recalled === undefined) throw error
    return recalled.found
  }

  /** What this process acknowledged holds for all of its threads, also then. */
  #isStaleServed(): boolean {
    const { whenUnreachable, staleMaxMs } = this.#policy
    if (whenUnreachable === 'refuse' || this.#feed.lag().heardMsAgo >= staleMaxMs) return false
    return !this.#feed.isBehind()
  }
}

async function inTime<T>(work: Promise<T>, maxMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(unavailable(`it did not answer within ${maxMs} ms`)), maxMs)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
