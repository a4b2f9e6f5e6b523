import type { KeyId, UserId } from '../../core/ids.ts'
import type { Fingerprint } from '../../core/keys/fingerprint.ts'
import type { CreditPlan, KeyPolicy } from '../../core/keys/policy.ts'
import { refilled, replanned } from '../../core/keys/refill.ts'
import type { Spending } from '../../core/ports/key-store.ts'
import type { Instant } from '../../core/record.ts'
import { type SqlText, sql } from '../../query/sql/sql-text.ts'
import { column, fingerprintOfBytes, jsonColumn, number, text } from './column.ts'
import type { Row } from './connection.ts'
import { hasId } from './key-place.ts'

/** How long a lease is good, in ms, by the server's clock. */
export const LEASE_MS = 3_000

/** Only one in so many of the credits that are left is given away in one lease: so there are leases only while plenty is left. */
const LEASED_SHARE = 16

/** A lease below that saves nothing. */
const LEASE_MIN = 4

/** Parts in which a lease is written ahead: a node that is killed loses one at most. */
const WRITTEN_PARTS = 10

/** A budget as far as it stays the same between two spendings. */
export type KnownBudget = {
  readonly uid: string
  /** Another one for each plan. */
  readonly generation: string
  readonly plan: CreditPlan
  readonly createdAt: Instant
  readonly owner: UserId
  /** Of the key's newest secret. */
  readonly fingerprint: Fingerprint
}

/** What is left of a budget, as one statement saw it. */
export type BudgetView = KnownBudget & {
  /** After the refill that is due; with what leases that ended hold back. */
  readonly remaining: number
  readonly refillAt?: Instant
  /** Of leases that have not ended: what was granted, and what of it was not written. */
  readonly leased: { readonly granted: number; readonly unwritten: number }
}

/** SQL for what is left of the budget of a key that exists; see `budgetIn`. */
export function budgetOf(id: KeyId): SqlText {
  return sql`SELECT keys.uid, generation, policy, created_at, remaining, refilled_at, ended, granted, unwritten,
      owner, fingerprint
    FROM keys JOIN key_credits AS budget ON budget.key_uid = keys.uid,
    LATERAL (
      SELECT coalesce(sum(granted - written) FILTER (WHERE ends_at <= clock_timestamp()), 0) AS ended,
        coalesce(sum(granted) FILTER (WHERE ends_at > clock_timestamp()), 0) AS granted,
        coalesce(sum(granted - written) FILTER (WHERE ends_at > clock_timestamp()), 0) AS unwritten
      FROM credit_leases AS leases WHERE leases.key_uid = budget.key_uid
        AND leases.generation = budget.generation AND leases.refilled_at = budget.refilled_at
    ) AS leased
    WHERE ${hasId(id)}`
}

/** The budget in a row of `budgetOf`; undefined when the key has none. */
export function budgetIn(row: Row | undefined, now: Instant): BudgetView | undefined {
  const plan = row && jsonColumn<KeyPolicy>(row, 2).credits
  if (row === undefined || plan === undefined) return undefined
  const createdAt = column<Instant>(row, 3)
  const refilledAt = column<Instant>(row, 5)
  const stored = { remaining: column<number>(row, 4) + column<number>(row, 6), refilledAt }
  const state = refilled(plan, createdAt, stored, now)
  const isSame = state.refilledAt === refilledAt
  return {
    uid: column<string>(row, 0),
    generation: column<string>(row, 1),
    plan,
    createdAt,
    owner: column<UserId>(row, 9),
    fingerprint: fingerprintOfBytes(row[10]),
    remaining: state.remaining,
    ...(state.refillAt !== undefined && { refillAt: state.refillAt }),
    leased: isSame
      ? { granted: column<number>(row, 7), unwritten: column<number>(row, 8) }
      : { granted: 0, unwritten: 0 },
  }
}

/** What a view says to whoever asks. */
export function asSpending({ remaining, leased, refillAt }: BudgetView, spent: boolean): Spending {
  return { spent, remaining: remaining + leased.unwritten, ...(refillAt !== undefined && { refillAt }) }
}

/** The turn of the plan's interval that is due at `now`, and what it fills the budget up to. */
export function dueRefill({ plan, createdAt }: KnownBudget, now: Instant): Refill | undefined {
  const never = { remaining: 0, refilledAt: Number.NEGATIVE_INFINITY }
  const { remaining, refilledAt } = refilled(plan, createdAt, never, now)
  return refilledAt === Number.NEGATIVE_INFINITY ? undefined : { amount: remaining, at: refilledAt }
}

/** A budget that is filled up. */
export type Refill = { readonly amount: number; readonly at: Instant }

/** What is to happen to a budget, all at once. */
export type Settlement = {
  readonly id: KeyId
  readonly known: KnownBudget
  readonly refill: Refill | undefined
  /** In the order in which they came: those before the first that cannot be paid are paid. */
  readonly costs: readonly number[]
  /** A lease that comes back. */
  readonly returned: { readonly lease: string; readonly used: number } | undefined
  /** A lease that is wanted, of so much at most. */
  readonly wanted: { readonly lease: string; readonly max: number } | undefined
}

/** What came of a settlement. */
export type Settled = {
  /** Whether the key exists. One that was revoked takes leases back, but pays nothing. */
  readonly isAlive: boolean
  /** What was left before costs were paid, with what came back. */
  readonly base: number
  readonly paid: number
  readonly granted: number
  readonly written: number
  readonly refilledAt: Instant
  /** What others hold and have not written. */
  readonly elsewhere: number
}

/**
 * One statement that takes leases back, fills up, pays, and gives a lease: exact over all nodes, since it locks the budget
 * first. No row: there is no such budget any more.
 *
 * Only what was locked is compared: a condition on the row that is updated is first judged by what it was when the statement
 * began, which is older when others were waited for, and then the row would stay as the others left it.
 */
export function settle({ id, known, refill, costs, returned, wanted }: Settlement): SqlText {
  const own = sql`${returned?.lease ?? null}::uuid`
  return sql`WITH budget AS (
      SELECT key_uid, remaining, refilled_at, generation, unleased_until FROM key_credits
      WHERE key_uid = ${known.uid}::uuid AND generation = ${known.generation}::uuid
      FOR UPDATE
    ), back AS (
      DELETE FROM credit_leases AS leases USING budget
      WHERE leases.key_uid = budget.key_uid AND (lease = ${own} OR ends_at <= clock_timestamp())
      RETURNING leases.generation = budget.generation AND leases.refilled_at = budget.refilled_at AS counts,
        granted - CASE WHEN lease = ${own} THEN least(${number(returned?.used ?? 0)}, written) ELSE written END AS unused
    ), filled AS (
      SELECT key_uid, unleased_until, remaining AS had, refilled_at AS had_refilled_at,
        CASE WHEN ${number(refill?.at)} > refilled_at THEN ${number(refill?.amount)}
          ELSE remaining + (SELECT coalesce(sum(unused) FILTER (WHERE counts), 0) FROM back) END AS base,
        CASE WHEN ${number(refill?.at)} > refilled_at THEN ${number(refill?.at)} ELSE refilled_at END AS refilled_at
      FROM budget
    ), sums AS (
      SELECT sum(cost) OVER (ORDER BY place) AS total
      FROM unnest(${`{${costs.join(',')}}`}::float8[]) WITH ORDINALITY AS costs (cost, place)
    ), charged AS (
      SELECT filled.*, alive,
        CASE WHEN alive THEN (SELECT coalesce(max(total), 0) FROM sums WHERE total <= base) ELSE 0 END AS paid,
        (SELECT coalesce(max(total), 0) FROM sums) AS due
      FROM filled, (
        SELECT EXISTS (SELECT 1 FROM keys WHERE uid = ${known.uid}::uuid AND owner = ${text(known.owner)} AND id = ${text(id)}) AS alive
      ) AS key
    ), shared AS (
      SELECT charged.*, CASE WHEN alive AND paid = due AND unleased_until <= clock_timestamp()
        THEN least(${number(wanted?.max ?? 0)}, floor((base - paid) / ${LEASED_SHARE}::float8)) ELSE 0 END AS share
      FROM charged
    ), decided AS (
      SELECT shared.*, CASE WHEN share >= ${LEASE_MIN}::float8 THEN share ELSE 0 END AS granted,
        CASE WHEN share >= ${LEASE_MIN}::float8 THEN ceil(share / ${WRITTEN_PARTS}::float8) ELSE 0 END AS written
      FROM shared
    ), stored AS (
      UPDATE key_credits SET remaining = base - paid - granted, refilled_at = decided.refilled_at
      FROM decided WHERE key_credits.key_uid = decided.key_uid
        AND (had, had_refilled_at) IS DISTINCT FROM (base - paid - granted, decided.refilled_at)
    ), leased AS (
      INSERT INTO credit_leases (key_uid, lease, generation, refilled_at, granted, written, ends_at)
      SELECT key_uid, ${wanted?.lease ?? null}::uuid, ${known.generation}::uuid, refilled_at, granted, written,
        clock_timestamp() + ${LEASE_MS}::float8 * interval '1 millisecond'
      FROM decided WHERE granted > 0
    )
    SELECT alive, base, paid, granted, written, refilled_at, (
      SELECT coalesce(sum(leases.granted - leases.written), 0) FROM credit_leases AS leases
      WHERE leases.key_uid = decided.key_uid AND leases.generation = ${known.generation}::uuid
        AND leases.refilled_at = decided.refilled_at AND lease IS DISTINCT FROM ${own} AND ends_at > clock_timestamp()
    ) FROM decided`
}

/** What came of `settle`; undefined when there was no such budget. */
export function settledIn(row: Row | undefined): Settled | undefined {
  if (row === undefined) return undefined
  return {
    isAlive: column<boolean>(row, 0),
    base: column<number>(row, 1),
    paid: column<number>(row, 2),
    granted: column<number>(row, 3),
    written: column<number>(row, 4),
    refilledAt: column<Instant>(row, 5),
    elsewhere: column<number>(row, 6),
  }
}

/** Writes how much of a lease may be spent from now on; changes no row when the lease ended. */
export function writeAhead(uid: string, lease: string, written: number): SqlText {
  return sql`UPDATE credit_leases SET written = ${number(written)}
    WHERE key_uid = ${uid}::uuid AND lease = ${lease}::uuid AND ends_at > clock_timestamp()`
}

/** How far a lease of `granted` is written when `needed` of it are to be spent. */
export function writtenFor(granted: number, needed: number): number {
  return Math.min(granted, needed + Math.ceil(granted / WRITTEN_PARTS))
}

/** For a while no lease is given of a budget. Changes no row when there is no such budget. */
export function holdLeases(uid: string, forMs: number): SqlText {
  return sql`UPDATE key_credits
    SET unleased_until = greatest(unleased_until, clock_timestamp() + ${forMs}::float8 * interval '1 millisecond')
    WHERE key_uid = ${uid}::uuid`
}

/** A row for each lease of a key that has not ended. */
export function livingLeases(uid: string): SqlText {
  return sql`SELECT 1 FROM credit_leases WHERE key_uid = ${uid}::uuid AND ends_at > clock_timestamp() LIMIT 1`
}

/**
 * What there is under another plan: what it leaves of the budget before, its `initial` where there was none, or no budget
 * at all. Leases must have ended.
 */
export function replan(
  uid: string,
  before: BudgetView | undefined,
  plan: CreditPlan | undefined,
  at: Instant,
): SqlText {
  if (plan === undefined) return sql`DELETE FROM key_credits WHERE key_uid = ${uid}::uuid`
  const remaining = before === undefined ? plan.initial : replanned(before.remaining, before.plan, plan)
  return sql`INSERT INTO key_credits AS known (key_uid, remaining, refilled_at)
    VALUES (${uid}::uuid, ${number(remaining)}, ${number(at)})
    ON CONFLICT (key_uid) DO UPDATE SET remaining = excluded.remaining,
      refilled_at = greatest(known.refilled_at, excluded.refilled_at), generation = excluded.generation`
}
