import { randomUUID } from 'node:crypto'
import type { KeyId } from '../../core/ids.ts'
import { refilled } from '../../core/keys/refill.ts'
import type { Spending } from '../../core/ports/key-store.ts'
import type { Instant } from '../../core/record.ts'
import {
  asSpending,
  type BudgetView,
  budgetIn,
  budgetOf,
  dueRefill,
  type KnownBudget,
  LEASE_MS,
  type Settled,
  settle,
  settledIn,
  writeAhead,
  writtenFor,
} from './credit-statements.ts'
import type { PostgresDatabase } from './database.ts'

/** A lease is not used so shortly before its end, in ms: by then the answer may have been under way for a while. */
const LEASE_MARGIN_MS = 250

/** A key is spent of often when it was spent of so shortly before, in ms. */
const OFTEN_MS = 1_000

/** Spendings that are paid by one statement. */
const PAID_AT_ONCE = 1_000

/** Times that one spending has the leases of other nodes recalled. */
const RECALLS_MAX = 3

/** Times that a budget may turn out to be another one than was read right before. */
const MISSES_MAX = 8

/** How long reading what is left waits for the leases of other nodes, in ms, and keeps them from taking others. */
const LOOK_WAIT_MS = 1_000
const LOOK_HOLD_MS = 250

/** What desks share. */
export type DeskParts = {
  readonly database: PostgresDatabase
  /** Most credits of one lease. */
  readonly leaseMax: number
  /** A clock that only ever goes forward, in ms. */
  readonly now: () => number
  /** Whether this node hears of what others change: without that, no lease is used. */
  readonly isFresh: () => boolean
  /** Whether this node may take one more lease. */
  readonly mayLease: () => boolean
  /** Told when a desk gets a lease, and when it has none any more. */
  readonly holds: (desk: CreditDesk, has: boolean) => void
  /** Asks all nodes to give leases back and to take none for `holdMs`; resolves when none is out, or after `waitMs`. */
  readonly recall: (uid: string, holdMs: number, waitMs: number) => Promise<void>
}

type Asking = {
  readonly now: Instant
  readonly resolve: (spending: Spending | undefined) => void
  readonly reject: (error: unknown) => void
}

type Waiting = Asking & { readonly cost: number; recalls: number }

/** Credits that this node may spend without asking. */
type Lease = {
  readonly lease: string
  readonly known: KnownBudget
  readonly granted: number
  /** When it may not be used any more, by the clock that only goes forward. */
  readonly until: number
  /** When the budget is filled up, which ends the lease. */
  readonly refillAt: Instant | undefined
  /** What there is besides. */
  readonly rest: number
  written: number
  used: number
  isWantedBack: boolean
}

/**
 * Where this node spends the credits of one key. One statement at a time is under way; whatever comes meanwhile waits, and
 * is paid by the next one. With a lease, what is written ahead is spent without any statement.
 */
export class CreditDesk {
  readonly #id: KeyId
  readonly #parts: DeskParts
  #known: KnownBudget | undefined
  #lease: Lease | undefined
  /** The lowest cost that was more than there is, lately. */
  #tooMuch: number | undefined
  #spentAt = Number.NEGATIVE_INFINITY
  #recalls = 0
  #misses = 0
  readonly #waiting: Waiting[] = []
  readonly #looking: Asking[] = []
  #running: Promise<void> | undefined

  constructor(id: KeyId, parts: DeskParts) {
    this.#id = id
    this.#parts = parts
  }

  /** Whether it may be forgotten. */
  get isIdle(): boolean {
    return this.#running === undefined && this.#lease === undefined
  }

  /** Spendings that wait. */
  get waiting(): number {
    return this.#waiting.length + this.#looking.length
  }

  /** The budget that it knows of; what is known may be that of before. */
  get known(): KnownBudget | undefined {
    return this.#lease?.known ?? this.#known
  }

  /** When something was spent last, by the clock that only goes forward. */
  get spentAt(): number {
    return this.#spentAt
  }

  /** See `KeyStore.spend`; the cost is above 0. */
  spend(cost: number, now: Instant): Promise<Spending | undefined> {
    const lease = this.#usable(now)
    if (lease !== undefined && this.#waiting.length === 0 && lease.used + cost <= lease.written) {
      const spending = this.#spendLeased(lease, cost)
      if (needsWriting(lease)) this.#run()
      return Promise.resolve(spending)
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ cost, now, recalls: 0, resolve, reject })
      this.#run()
    })
  }

  /** See `KeyStore.credits`: exact, since leases come home first. */
  look(now: Instant): Promise<Spending | undefined> {
    return new Promise((resolve, reject) => {
      this.#looking.push({ now, resolve, reject })
      this.#run()
    })
  }

  /** Gives the lease back, also one that is on its way. */
  recall(): void {
    this.#recalls += 1
    if (this.#lease === undefined) return
    this.#lease.isWantedBack = true
    this.#run()
  }

  /** The budget may be another one. */
  forget(): void {
    this.#known = undefined
    this.recall()
  }

  /** Resolves when nothing waits and no lease is held. */
  async close(): Promise<void> {
    this.recall()
    while (this.#running !== undefined) await this.#running
  }

  #run(): void {
    if (this.#running !== undefined) return
    this.#running = this.#work().finally(() => {
      this.#running = undefined
      if (this.#hasWork()) this.#run()
    })
  }

  #hasWork(): boolean {
    const lease = this.#lease
    if (this.#waiting.length > 0 || this.#looking.length > 0) return true
    return lease !== undefined && (lease.isWantedBack || needsWriting(lease))
  }

  async #work(): Promise<void> {
    while (this.#hasWork()) {
      try {
        await this.#step()
      } catch (error) {
        for (const asking of [...this.#waiting.splice(0), ...this.#looking.splice(0)]) asking.reject(error)
        // What happened to it is not known: it ends by itself.
        this.#drop(this.#lease)
      }
    }
  }

  async #step(): Promise<void> {
    const [first] = this.#waiting
    if (this.#looking.length > 0) {
      if (this.#lease !== undefined) await this.#settle()
      return this.#answerLooking()
    }
    const lease = this.#usable(first?.now)
    if (lease !== undefined && lease.used + (first?.cost ?? 0) <= lease.granted)
      return this.#writeAhead(lease)
    if (first !== undefined && this.#lease === undefined && first.cost >= (this.#tooMuch ?? Infinity)) {
      return this.#refuseOrRecall(first)
    }
    await this.#settle()
  }

  /** The lease, when it may be used at `now`. */
  #usable(now: Instant | undefined): Lease | undefined {
    const lease = this.#lease
    if (lease === undefined || lease.isWantedBack || this.#parts.now() >= lease.until) return undefined
    if (lease.refillAt !== undefined && now !== undefined && now >= lease.refillAt) return undefined
    return this.#parts.isFresh() ? lease : undefined
  }

  #spendLeased(lease: Lease, cost: number): Spending {
    lease.used += cost
    this.#spentAt = this.#parts.now()
    const { rest, granted, used, refillAt } = lease
    return { spent: true, remaining: rest + granted - used, ...(refillAt !== undefined && { refillAt }) }
  }

  async #writeAhead(lease: Lease): Promise<void> {
    const { granted, used, known } = lease
    let needed = used
    for (const { cost } of this.#waiting) if (needed + cost <= granted) needed += cost
    const written = writtenFor(granted, needed)
    const { count } = await this.#parts.database.changeBy(writeAhead(known.uid, lease.lease, written))
    if (count === 0) return this.#drop(lease)
    lease.written = written
    // It may have been recalled meanwhile; what is written may be spent even so, until it is given back.
    const { refillAt } = lease
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      if (lease.used + next.cost > lease.written || next.now >= (refillAt ?? Infinity)) return
      this.#waiting.shift()
      next.resolve(this.#spendLeased(lease, next.cost))
    }
  }

  #drop(lease: Lease | undefined): void {
    if (lease === undefined || this.#lease !== lease) return
    this.#lease = undefined
    this.#parts.holds(this, false)
  }

  /** Gives the lease back, pays what waits as far as possible, and takes another lease when that is worth while. */
  async #settle(): Promise<void> {
    const returned = this.#lease
    this.#drop(returned)
    const known = returned?.known ?? this.#known ?? (await this.#read())
    if (known === undefined) return
    const batch = this.#nextBatch(known)
    const recalls = this.#recalls
    const sentAt = this.#parts.now()
    const wanted = this.#wantsLease(batch) ? { lease: randomUUID(), max: this.#parts.leaseMax } : undefined
    const statement = settle({
      id: this.#id,
      known,
      refill: batch[0] && dueRefill(known, batch[0].now),
      costs: batch.map(({ cost }) => cost),
      returned,
      wanted,
    })
    const { rows } = await this.#parts.database.changeBy(statement)
    const settled = settledIn(rows[0])
    if (settled?.isAlive !== true) return this.#miss()
    this.#misses = 0
    this.#known = known
    if (wanted !== undefined && settled.granted > 0) {
      const until = sentAt + LEASE_MS - LEASE_MARGIN_MS
      this.#hold(wanted.lease, known, settled, until, batch[0]?.now, recalls !== this.#recalls)
    }
    await this.#pay(batch.length, known, settled)
  }

  /** What waits and sees the budget filled up at the same time as the first; they stay in the line. */
  #nextBatch(known: KnownBudget): readonly Waiting[] {
    const [first] = this.#waiting
    if (first === undefined) return []
    const turn = dueRefill(known, first.now)?.at
    const line = this.#waiting.slice(0, PAID_AT_ONCE)
    const end = line.findIndex(({ now }) => now !== first.now && dueRefill(known, now)?.at !== turn)
    return end < 0 ? line : line.slice(0, end)
  }

  #wantsLease(batch: readonly Waiting[]): boolean {
    const { leaseMax, now, mayLease, isFresh } = this.#parts
    if (leaseMax === 0 || batch.length === 0 || this.#looking.length > 0) return false
    const isOften = batch.length > 1 || now() - this.#spentAt < OFTEN_MS
    return isOften && mayLease() && isFresh()
  }

  #hold(
    lease: string,
    known: KnownBudget,
    { base, paid, granted, written, refilledAt, elsewhere }: Settled,
    until: number,
    now: Instant | undefined,
    isWantedBack: boolean,
  ): void {
    const { refillAt } = refillAfter(known, refilledAt, now ?? refilledAt)
    const rest = base - paid - granted + elsewhere
    this.#lease = { lease, known, granted, written, used: 0, until, refillAt, rest, isWantedBack }
    this.#parts.holds(this, true)
  }

  /** Answers those of the first `count` in the line who were paid; then the next one is too much. */
  async #pay(
    count: number,
    known: KnownBudget,
    { base, paid, refilledAt, elsewhere }: Settled,
  ): Promise<void> {
    let total = 0
    for (let place = 0; place < count; place += 1) {
      const next = this.#waiting[0]
      if (next === undefined) return
      if (total + next.cost > paid) return this.#refuseOrRecall(next)
      this.#waiting.shift()
      total += next.cost
      this.#tooMuch = undefined
      this.#spentAt = this.#parts.now()
      const { refillAt } = refillAfter(known, refilledAt, next.now)
      const remaining = base - total + elsewhere
      next.resolve({ spent: true, remaining, ...(refillAt !== undefined && { refillAt }) })
    }
  }

  /** The first in the line is refused when, at one moment, there is not enough and nobody holds what could come back. */
  async #refuseOrRecall(first: Waiting): Promise<void> {
    const line = [...this.#waiting]
    const row = await this.#parts.database.first(budgetOf(this.#id))
    const view = budgetIn(row, first.now)
    if (view === undefined) return this.#answerNone(line)
    this.#known = view
    if (first.cost <= view.remaining) {
      this.#tooMuch = undefined
      return
    }
    // Also when it would not be enough: who is refused is told what is truly left.
    if (view.leased.granted > 0 && first.recalls < RECALLS_MAX) {
      first.recalls += 1
      return this.#parts.recall(view.uid, LEASE_MS, LEASE_MS)
    }
    this.#tooMuch = first.cost
    this.#refuse(line, first, view)
  }

  #refuse(line: readonly Waiting[], first: Waiting, view: BudgetView): void {
    const turn = dueRefill(view, first.now)?.at
    for (const waiting of line) {
      if (waiting.cost < first.cost || dueRefill(view, waiting.now)?.at !== turn) continue
      this.#take(waiting)?.resolve(asSpending(view, false))
    }
  }

  /** Reads the budget; when there is none, everybody in the line is told so. */
  async #read(): Promise<KnownBudget | undefined> {
    const line = [...this.#waiting]
    const row = await this.#parts.database.first(budgetOf(this.#id))
    const view = budgetIn(row, line[0]?.now ?? 0)
    if (view === undefined) this.#answerNone(line)
    return view
  }

  #answerNone(line: readonly Waiting[]): void {
    this.#known = undefined
    for (const waiting of line) this.#take(waiting)?.resolve(undefined)
  }

  #take(waiting: Waiting): Waiting | undefined {
    const place = this.#waiting.indexOf(waiting)
    if (place < 0) return undefined
    this.#waiting.splice(place, 1)
    return waiting
  }

  /** The budget is another one than was known. */
  #miss(): void {
    this.#known = undefined
    this.#misses += 1
    if (this.#misses > MISSES_MAX) {
      this.#misses = 0
      throw new Error(`Cannot spend credits of key "${this.#id}": its budget is another one each time`)
    }
  }

  async #answerLooking(): Promise<void> {
    const { database, recall } = this.#parts
    const line = this.#looking.splice(0)
    try {
      let row = await database.first(budgetOf(this.#id))
      const view = budgetIn(row, line[0]?.now ?? 0)
      if (view !== undefined && view.leased.granted > 0) {
        await recall(view.uid, LOOK_HOLD_MS, LOOK_WAIT_MS)
        row = await database.first(budgetOf(this.#id))
      }
      for (const { now, resolve } of line) {
        const budget = budgetIn(row, now)
        resolve(budget && asSpending(budget, true))
      }
    } catch (error) {
      for (const { reject } of line) reject(error)
    }
  }
}

/** Whether it is time to write ahead, before somebody has to wait for it. */
function needsWriting({ granted, written, used }: Lease): boolean {
  return written < granted && written - used <= granted / 20
}

function refillAfter({ plan, createdAt }: KnownBudget, refilledAt: Instant, now: Instant) {
  return refilled(plan, createdAt, { remaining: 0, refilledAt }, now)
}
