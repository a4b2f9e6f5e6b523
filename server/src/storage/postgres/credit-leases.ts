import { setTimeout as sleep } from 'node:timers/promises'
import { DomainError } from '../../core/errors.ts'
import type { KeyId } from '../../core/ids.ts'
import type { Spending } from '../../core/ports/key-store.ts'
import type { StoreChange, StoreChanges } from '../../core/ports/store-changes.ts'
import type { Instant } from '../../core/record.ts'
import { sql } from '../../query/sql/sql-text.ts'
import { noteChanges } from './change.ts'
import { CreditDesk, type DeskParts } from './credit-desk.ts'
import { holdLeases, LEASE_MS, livingLeases } from './credit-statements.ts'
import type { PostgresDatabase } from './database.ts'
import type { Transaction } from './transaction.ts'

/** Limits of what a node does with the credits of keys. */
export type CreditBounds = {
  /** Most credits that a node takes at once to spend them without asking; 0: none. */
  readonly creditLeaseMax: number
  /** Spendings of one key that may wait. */
  readonly waitingMax: number
  /** A clock that only ever goes forward, in ms. */
  readonly now: () => number
}

/** What a node hears of other nodes. */
export type LeaseNews = Pick<StoreChanges, 'isFresh' | 'listen'>

/** Keys that a node remembers the budgets of. */
const DESKS_MAX = 10_000

/** Leases that a node holds. */
const LEASES_MAX = 1_000

/** A lease that was not used for so long is given back, in ms; and how often it is looked for such leases. */
const IDLE_MS = 250
const SWEEP_MS = 100

/** How often it is asked whether leases came back, in ms. */
const RECALL_POLL_MS = 10

/** Times that a change of a budget waits until no lease is out. */
const ATTEMPTS_MAX = 4

/** A budget cannot be changed while nodes hold parts of it. */
class LeasesAreOut extends Error {
  readonly uid: string

  constructor(uid: string) {
    super(`Cannot change the budget of ${uid}: leases are out`)
    this.uid = uid
  }
}

/**
 * Spends the credits of keys on this node, so that over all nodes exactly what there is is spent.
 *
 * While plenty is left, the node takes a part of a budget for itself for a while, a lease, and spends it without asking.
 * It does so only while it hears of what others change, since they may want it back: whoever finds too little left, or
 * changes a budget, recalls all leases first, and waits until they came back or ended by the store's clock. What is spent of
 * a lease was written before, so whatever happens to the node, nothing is spent twice.
 */
export class CreditLeases {
  readonly #database: PostgresDatabase
  readonly #bounds: CreditBounds
  readonly #parts: DeskParts
  readonly #desks = new Map<KeyId, CreditDesk>()
  readonly #leased = new Set<CreditDesk>()
  readonly #stopListening: () => void
  #sweep: NodeJS.Timeout | undefined
  #isClosing = false

  /** Takes leases only while `news` are fresh. */
  constructor(database: PostgresDatabase, bounds: CreditBounds, news: LeaseNews) {
    this.#database = database
    this.#bounds = bounds
    this.#parts = {
      database,
      leaseMax: bounds.creditLeaseMax,
      now: bounds.now,
      isFresh: () => news.isFresh(),
      mayLease: () => !this.#isClosing && this.#leased.size < LEASES_MAX,
      holds: (desk, has) => this.#noteLease(desk, has),
      recall: (uid, holdMs, waitMs) => this.#recall(uid, holdMs, waitMs),
    }
    this.#stopListening = news.listen((change) => this.#hear(change))
  }

  /** See `KeyStore.spend`; the cost is above 0. @throws {DomainError} `storage.unavailable`, `server.overloaded` */
  async spend(id: KeyId, cost: number, now: Instant): Promise<Spending | undefined> {
    const desk = this.#deskOf(id)
    if (desk.waiting >= this.#bounds.waitingMax) throw overloaded(this.#bounds.waitingMax)
    return desk.spend(cost, now)
  }

  /** See `KeyStore.credits`. @throws As `spend`. */
  async look(id: KeyId, now: Instant): Promise<Spending | undefined> {
    const desk = this.#deskOf(id)
    if (desk.waiting >= this.#bounds.waitingMax) throw overloaded(this.#bounds.waitingMax)
    return desk.look(now)
  }

  /** Runs `work`, again when `requireNone` found leases in it: they are recalled in between. */
  async withoutLeases<T>(work: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await work()
      } catch (error) {
        if (!(error instanceof LeasesAreOut) || attempt === ATTEMPTS_MAX) throw error
        // More than leases live: none is left, and none was given since.
        await this.#recall(error.uid, 2 * LEASE_MS, LEASE_MS + RECALL_POLL_MS)
      }
    }
  }

  /** In a change within `withoutLeases`: from now to its end no node holds anything of that budget, nor can. */
  async requireNone(transaction: Transaction, uid: string): Promise<void> {
    await transaction.all(sql`SELECT 1 FROM key_credits WHERE key_uid = ${uid}::uuid FOR UPDATE`)
    if ((await transaction.first(livingLeases(uid))) !== undefined) throw new LeasesAreOut(uid)
  }

  /** After `requireNone`, and once what leases that ended give back was read: forgets them. */
  forgetEnded(transaction: Transaction, uid: string): void {
    transaction.later(sql`DELETE FROM credit_leases WHERE key_uid = ${uid}::uuid`)
    transaction.later(sql`UPDATE key_credits SET unleased_until = '-infinity' WHERE key_uid = ${uid}::uuid`)
  }

  /** Gives all leases back, and takes none any more. */
  async close(): Promise<void> {
    this.#isClosing = true
    this.#stopListening()
    await Promise.all([...this.#desks.values()].map((desk) => desk.close()))
    clearInterval(this.#sweep)
  }

  #deskOf(id: KeyId): CreditDesk {
    const known = this.#desks.get(id)
    if (known !== undefined) return known
    this.#makeRoom()
    const desk = new CreditDesk(id, this.#parts)
    this.#desks.set(id, desk)
    return desk
  }

  /** Forgets the oldest that nobody waits for. Those that are waited for are few: requests are bounded. */
  #makeRoom(): void {
    if (this.#desks.size < DESKS_MAX) return
    for (const [id, desk] of this.#desks) {
      if (!desk.isIdle) continue
      this.#desks.delete(id)
      return
    }
  }

  #noteLease(desk: CreditDesk, has: boolean): void {
    if (has) this.#leased.add(desk)
    else this.#leased.delete(desk)
    if (has && this.#sweep === undefined) {
      this.#sweep = setInterval(() => this.#recallIdle(), SWEEP_MS)
      this.#sweep.unref()
    }
    if (this.#leased.size > 0) return
    clearInterval(this.#sweep)
    this.#sweep = undefined
  }

  #recallIdle(): void {
    const since = this.#parts.now() - IDLE_MS
    for (const desk of this.#leased) if (desk.spentAt < since) desk.recall()
  }

  async #recall(uid: string, holdMs: number, waitMs: number): Promise<void> {
    const until = this.#parts.now() + waitMs
    await this.#database.change(async (transaction) => {
      transaction.later(holdLeases(uid, holdMs))
      noteChanges(transaction, [{ kind: 'lease', keyUid: uid }])
    })
    while ((await this.#database.first(livingLeases(uid))) !== undefined) {
      if (this.#parts.now() >= until) return
      await sleep(RECALL_POLL_MS)
    }
  }

  #hear(change: StoreChange): void {
    switch (change.kind) {
      case 'lease':
        for (const desk of this.#desks.values()) if (desk.known?.uid === change.keyUid) desk.recall()
        return
      case 'keys':
        if (this.#leased.size === 0) return
        this.#forget(({ fingerprint }) => change.fingerprints.includes(fingerprint))
        return
      case 'owner':
        this.#forget(({ owner }) => owner === change.owner)
        return
      case 'everything':
        this.#forget(() => true)
        return
      default:
        return
    }
  }

  #forget(isConcerned: (known: NonNullable<CreditDesk['known']>) => boolean): void {
    for (const desk of this.#leased) {
      if (desk.known !== undefined && isConcerned(desk.known)) desk.forget()
    }
  }
}

function overloaded(waitingMax: number): DomainError {
  return new DomainError(
    'server.overloaded',
    `Cannot spend credits: ${waitingMax} requests wait for the same key, and that is the limit`,
    { waitingMax },
  )
}
