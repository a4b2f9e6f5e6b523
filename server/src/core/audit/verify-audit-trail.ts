import type { AuditStore, ChainLink, NumberedEvent } from '../ports/audit-store.ts'
import type { Instant } from '../record.ts'
import { hashChainedEvent, NO_PREVIOUS } from './audit-chain.ts'

/** What one chain is found to be. */
export type ChainReport = {
  readonly chain: string
  readonly events: number
  readonly first: ChainEnd
  readonly last: ChainEnd
  /** Hash of the last event: whoever notes it elsewhere will notice when the end is cut off. */
  readonly head: string
  /** What is wrong with the first event that something is wrong with; absent: nothing is. */
  readonly fault?: string
}

/** One end of a chain. `at` is absent when there is no such event any more. */
export type ChainEnd = { readonly sequence: number; readonly at?: Instant }

/** What a whole trail is found to be. */
export type TrailReport = {
  readonly events: number
  readonly chains: number
  readonly beganAt: Instant
  /** Events on chains that are older than those. */
  readonly earlier: number
  /** Events that are on no chain yet, and will be. */
  readonly waiting: number
  /** All is as it was written. */
  readonly isIntact: boolean
  /** What is wrong with the first number that something is wrong with; absent: nothing is. */
  readonly fault?: string
  /** Expected heads that no event has. */
  readonly missingHeads: readonly string[]
}

/** What to look for, and who is told of what is found. */
export type Verification = {
  /** Hashes that must be those of events; lower-case hex. */
  readonly expectedHeads?: readonly string[]
  onChain?(report: ChainReport): void
  /** After each thousand events or so: how many there were, of all passes. */
  onProgress?(done: number): void
}

/** Links, and numbers, that are in memory at once. */
const LINKS_AT_ONCE = 1_000
const NUMBERS_AT_ONCE = 10_000

type AuditReader = Pick<AuditStore, 'listLinks' | 'listNumbers' | 'findTrail'>

/**
 * Reads the whole trail, in bounded memory: every chain from its first event to its last, and then every number that was
 * given to an event. The store may be in use meanwhile; what is added during that time may or may not be looked at.
 */
export async function verifyAuditTrail(
  audit: AuditReader,
  { expectedHeads = [], onChain, onProgress }: Verification = {},
): Promise<TrailReport> {
  const trail = await audit.findTrail()
  const missing = new Set(expectedHeads)
  let chain: ChainCheck | undefined
  let [events, earlier, chains, faults] = [0, 0, 0, 0]
  const close = (): void => {
    if (chain === undefined) return
    const report = chain.report()
    chains += 1
    if (report.fault !== undefined) faults += 1
    onChain?.(report)
  }
  for await (const page of pagesOf((after: ChainLink | undefined) => audit.listLinks(after, LINKS_AT_ONCE))) {
    for (const link of page) {
      if (chain?.chain !== link.chain) {
        close()
        chain = new ChainCheck(link)
      }
      chain.add(link)
      missing.delete(link.hash)
      if (link.isEarlier) earlier += 1
    }
    events += page.length
    onProgress?.(events)
  }
  close()
  const numbers = await checkNumbers(audit, trail.lastSequence, (done) => onProgress?.(events + done))
  return {
    events,
    chains,
    earlier,
    beganAt: trail.beganAt,
    waiting: numbers.waiting + trail.unnumbered,
    isIntact: faults === 0 && numbers.fault === undefined && missing.size === 0,
    ...(numbers.fault !== undefined && { fault: numbers.fault }),
    missingHeads: [...missing],
  }
}

/** All pages, each read behind the last entry of the one before. */
async function* pagesOf<T>(
  read: (after: T | undefined) => Promise<readonly T[]>,
): AsyncGenerator<readonly T[]> {
  for (let after: T | undefined; ; ) {
    const page = await read(after)
    if (page.length === 0) return
    yield page
    after = page.at(-1)
  }
}

/** Follows one chain. After the first fault it goes on from the hash that is stored, and says no more of faults. */
class ChainCheck {
  readonly chain: string
  readonly #first: ChainEnd
  #last: ChainEnd
  #events = 0
  #position = 0
  #head = NO_PREVIOUS
  #fault: string | undefined

  constructor(first: ChainLink) {
    this.chain = first.chain
    this.#first = endOf(first)
    this.#last = this.#first
  }

  add(link: ChainLink): void {
    this.#fault ??= this.#faultOf(link)
    this.#events += 1
    this.#position = link.position
    this.#head = link.hash
    this.#last = endOf(link)
  }

  report(): ChainReport {
    return {
      chain: this.chain,
      events: this.#events,
      first: this.#first,
      last: this.#last,
      head: this.#head,
      ...(this.#fault !== undefined && { fault: this.#fault }),
    }
  }

  #faultOf(link: ChainLink): string | undefined {
    const expected = this.#position + 1
    const before = this.#position === 0 ? 'its beginning' : `event ${this.#last.sequence}`
    if (link.position !== expected) {
      return `between ${before} and event ${link.sequence} events were removed: position ${expected} is missing`
    }
    if (link.event === undefined) return `event ${link.sequence} was removed`
    const { chain, position } = link
    const hash = hashChainedEvent(link.event, { chain, position, previous: this.#head })
    if (hash === link.hash) return undefined
    return `event ${link.sequence} was changed, or is not the one that was stored in its place behind ${before}`
  }
}

function endOf({ sequence, event }: ChainLink): ChainEnd {
  return { sequence, ...(event !== undefined && { at: event.at }) }
}

/** Whether numbers have no gaps up to the last one that was ever given, and every event is on a chain. */
async function checkNumbers(
  audit: AuditReader,
  lastSequence: number,
  onProgress: (done: number) => void,
): Promise<{ readonly waiting: number; readonly fault?: string }> {
  let [last, waiting, done] = [0, 0, 0]
  let fault: string | undefined
  const read = (after: NumberedEvent | undefined) => audit.listNumbers(after?.sequence ?? 0, NUMBERS_AT_ONCE)
  for await (const page of pagesOf(read)) {
    for (const { sequence, state } of page) {
      fault ??= gapBetween(last, sequence)
      if (state === 'stray') fault ??= `event ${sequence} was inserted: it is on no chain`
      if (state === 'waiting') waiting += 1
      last = sequence
    }
    done += page.length
    onProgress(done)
  }
  fault ??= gapBetween(last, lastSequence + 1)
  return { waiting, ...(fault !== undefined && { fault }) }
}

function gapBetween(last: number, next: number): string | undefined {
  if (next <= last + 1) return undefined
  const missing = next - last - 1
  return missing === 1 ? `event ${last + 1} was removed` : `events ${last + 1} to ${next - 1} were removed`
}
