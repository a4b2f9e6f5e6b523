import { ANONYMOUS_ID } from '../ids.ts'
import type { AuditStore } from '../ports/audit-store.ts'
import type { Clock } from '../ports/clock.ts'
import type { Instant } from '../record.ts'
import type { AuditEvent } from './audit-event.ts'

/**
 * Refusals that anybody can cause for free (bad tokens, logins that come too fast), on their way into the audit trail.
 *
 * They cost no write of their own: those of one group within about a second become one event with
 * `details.count` and `details.lastAt`. The memory they take is bounded; what does not fit is counted.
 */
export interface RefusalLog {
  /** Takes a refusal; never waits, never throws. `group` says which refusals are of one kind and origin. */
  add(group: string, event: AuditEvent): void
  /**
   * Takes one more refusal of a group that is held, or for which there is no room; false, and nothing was taken, when it
   * would be the first of its group. Costs no event.
   */
  again(group: string, at: Instant): boolean
  /** Stores what was taken. Rejects as the store does; nothing is lost by that. */
  flush(): Promise<void>
}

/** Groups held between two writes; refusals of further groups are only counted. */
export const REFUSAL_GROUPS_MAX = 1_000

/** A refusal after this long a silence is stored at once; the next ones wait for each other. */
const REFUSAL_WRITE_EVERY_MS = 1_000

type Group = { first: AuditEvent; count: number; lastAt: Instant }

/**
 * The refusal log of a store. `onAudit` is told of every event that was stored.
 *
 * Somebody must call `flush` about once a second (`createHousekeeping` does) and before the store is closed.
 */
export function createRefusalLog(deps: {
  readonly audit: Pick<AuditStore, 'append'>
  readonly clock: Clock
  readonly onAudit?: (event: AuditEvent) => void
}): RefusalLog {
  let groups = new Map<string, Group>()
  let notHeld: Group | undefined
  let writing: Promise<void> = Promise.resolve()
  let lastWriteAt = Number.NEGATIVE_INFINITY

  const hold = (name: string, group: Group): void => {
    const known = groups.get(name)
    if (known !== undefined) join(known, group)
    else if (groups.size < REFUSAL_GROUPS_MAX) groups.set(name, group)
    else drop(group)
  }

  const drop = (group: Group): void => {
    if (notHeld === undefined) notHeld = { ...group }
    else join(notHeld, group)
  }

  const write = async (): Promise<void> => {
    if (groups.size === 0 && notHeld === undefined) return
    const taken = groups
    const dropped = notHeld
    groups = new Map()
    notHeld = undefined
    lastWriteAt = deps.clock.now()
    const events = [...taken.values()].map(asEvent)
    if (dropped !== undefined) events.push(asDropped(dropped))
    try {
      await deps.audit.append(events)
    } catch (error) {
      for (const [name, group] of taken) hold(name, group)
      if (dropped !== undefined) drop(dropped)
      throw error
    }
    for (const event of events) deps.onAudit?.(event)
  }

  const flush = (): Promise<void> => {
    // One write at a time keeps the order, and lets refusals gather while the store is slow.
    const next = writing.then(write)
    writing = next.catch(() => undefined)
    return next
  }

  return {
    add: (group, event) => {
      hold(group, { first: event, count: 1, lastAt: event.at })
      if (event.at - lastWriteAt < REFUSAL_WRITE_EVERY_MS) return
      lastWriteAt = event.at
      // A failed write keeps its refusals, and the next `flush` reports the failure to somebody who can act on it.
      flush().catch(() => undefined)
    },
    again: (group, at) => {
      const known = groups.get(group) ?? (groups.size < REFUSAL_GROUPS_MAX ? undefined : notHeld)
      if (known === undefined || at - lastWriteAt >= REFUSAL_WRITE_EVERY_MS) return false
      known.count += 1
      known.lastAt = Math.max(known.lastAt, at)
      return true
    },
    flush,
  }
}

function join(known: Group, more: Group): void {
  if (more.first.at < known.first.at) known.first = more.first
  known.count += more.count
  known.lastAt = Math.max(known.lastAt, more.lastAt)
}

function asEvent({ first, count, lastAt }: Group): AuditEvent {
  return count === 1 ? first : { ...first, details: { ...first.details, count, lastAt } }
}

function asDropped({ first, count, lastAt }: Group): AuditEvent {
  const { reason: _, details: __, actorKey: ___, ...shape } = first
  return {
    ...shape,
    actor: ANONYMOUS_ID,
    subject: 'refusals',
    reason: 'too_many_to_list',
    details: { count, lastAt },
  }
}
