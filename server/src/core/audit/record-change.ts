import type { Actor } from '../access/caller.ts'
import type { JsonObject } from '../json.ts'
import type { Clock } from '../ports/clock.ts'
import type { Instant } from '../record.ts'
import type { AuditAction, AuditEvent } from './audit-event.ts'

/** What somebody is about to change. */
export type Change = {
  readonly by: Actor
  readonly action: AuditAction
  /** `kind:id`, such as `key:k1`. */
  readonly subject: string
  /** Never a secret; of users' own content only what rights hang on. */
  readonly details?: JsonObject
}

/** What leaving a trace needs. */
export type Trail = {
  readonly clock: Clock
  /** Told of every event once it is stored, for instance to write it to the log. Must not throw. */
  readonly onAudit?: (event: AuditEvent) => void
}

/**
 * Makes a change together with its audit event: `write` gives the event to the store with the change itself, so that
 * neither exists without the other. A `write` that throws or answers false changed nothing and leaves no event.
 */
export async function recordChange<T>(
  trail: Trail,
  change: Change,
  write: (event: AuditEvent) => Promise<T>,
): Promise<T> {
  const event = describeChange(change, trail.clock.now())
  const result = await write(event)
  if (result !== false) trail.onAudit?.(event)
  return result
}

/** The event of a change that was refused, for the refusal log. */
export function describeRefusal(change: Change, reason: string, at: Instant): AuditEvent {
  return { ...describeChange(change, at), outcome: 'refused', reason }
}

/** The event of a change that is stored together with another one. */
export function describeChange({ by, action, subject, details }: Change, at: Instant): AuditEvent {
  return {
    at,
    action,
    outcome: 'done',
    actor: by.user.id,
    ...(by.token?.kind === 'key' && { actorKey: by.token.key.id }),
    subject,
    origin: by.origin,
    ...(details !== undefined && { details }),
  }
}
