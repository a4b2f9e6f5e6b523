import { hash } from 'node:crypto'
import type { AuditEvent } from './audit-event.ts'

/** An event as it is chained: with its number, and the details as the very text that is stored. */
export type ChainedEvent = Omit<AuditEvent, 'details'> & {
  readonly sequence: number
  /** A JSON object; absent: the event has none. */
  readonly detailsText?: string | undefined
}

/** Where an event stands. */
export type ChainPlace = {
  /** A UUID. */
  readonly chain: string
  /** Counts the events of the chain from 1. */
  readonly position: number
  /** Hash of the event before, or `NO_PREVIOUS`. */
  readonly previous: string
}

/** What stands where the first event of a chain has the hash of the one before. */
export const NO_PREVIOUS = '0'.repeat(64)

/**
 * The exact text whose UTF-8 bytes are hashed: one JSON object without spaces, its members in this order, those that are
 * absent left out, and the details last and as they are stored. docs/decisions/0012-audit-chain.md says it for others.
 */
export function printChainedEvent(event: ChainedEvent, { chain, position, previous }: ChainPlace): string {
  const { at, action, outcome, actor, actorKey, subject, reason, origin } = event
  const { address, carrier, requestId, local } = origin
  // By hand, since this is done while others wait for the transaction.
  return (
    `{"v":1,"chain":${quote(chain)},"position":${position},"previous":"${previous}"` +
    `,"sequence":${event.sequence},"at":${at},"action":${quote(action)},"outcome":${quote(outcome)}` +
    `,"actor":${quote(actor)}${member('actorKey', actorKey)},"subject":${quote(subject)}` +
    `${member('reason', reason)}${member('address', address)},"carrier":${quote(carrier)}` +
    `,"requestId":${quote(requestId)},"local":${local}` +
    `${event.detailsText === undefined ? '' : `,"details":${event.detailsText}`}}`
  )
}

/** SHA-256 of what `printChainedEvent` gives: 64 lower-case hex digits. */
export function hashChainedEvent(event: ChainedEvent, place: ChainPlace): string {
  return hash('sha256', printChainedEvent(event, place), 'hex')
}

/** One line for others to verify: the hashed text with its hash as one more, last member. */
export function printExportedEvent(event: ChainedEvent, place: ChainPlace, ownHash: string): string {
  return `${printChainedEvent(event, place).slice(0, -1)},"hash":"${ownHash}"}`
}

/** Chains events behind a place that is taken; answers their positions and hashes. */
export function chainEvents(
  events: readonly ChainedEvent[],
  after: { readonly chain: string; readonly position: number; readonly hash: string },
): readonly { readonly sequence: number; readonly position: number; readonly hash: string }[] {
  let { position, hash: previous } = after
  return events.map((event) => {
    position += 1
    previous = hashChainedEvent(event, { chain: after.chain, position, previous })
    return { sequence: event.sequence, position, hash: previous }
  })
}

function member(name: string, text: string | undefined): string {
  return text === undefined ? '' : `,"${name}":${quote(text)}`
}

/** Halves of surrogate pairs become U+FFFD, as they do in every store. */
function quote(text: string): string {
  return JSON.stringify(text.isWellFormed() ? text : text.toWellFormed())
}
