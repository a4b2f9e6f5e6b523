import type { JsonObject } from '../../core/json.ts'
import { type KuzzleError, type PrintedError, printError } from './kuzzle-errors.ts'

/** What every answer of this API looks like, whatever carries it. */
export type Envelope = {
  readonly status: number
  readonly error: PrintedError | null
  readonly controller: string | null
  readonly action: string | null
  readonly requestId: string
  /** Left out when the action has none. */
  readonly result?: unknown
  readonly volatile: JsonObject | null
  readonly node: string
  readonly headers: Readonly<Record<string, string>>
  readonly index?: string
  readonly collection?: string
  /** Over WebSocket, equal to `requestId`: clients find their answer by it. */
  readonly room?: string
  /** Only in development. */
  readonly deprecations?: readonly { readonly message: string; readonly version: string }[]
}

/** What an envelope repeats of the request it answers. */
export type EnvelopeSubject = {
  readonly requestId: string
  readonly controller?: string | undefined
  readonly action?: string | undefined
  readonly volatile?: JsonObject | undefined
  readonly index?: string | undefined
  readonly collection?: string | undefined
}

/** What makes the envelopes of one server. */
export type EnvelopeFacts = { readonly node: string; readonly development: boolean }

/** Says what came of a request; without `error`, success. A `result` beside an `error` is a partial one. */
export function printEnvelope(
  facts: EnvelopeFacts,
  subject: EnvelopeSubject,
  outcome: { readonly result?: unknown; readonly error?: KuzzleError | undefined },
): Envelope {
  const { error, result } = outcome
  const { index, collection } = subject
  return {
    status: error === undefined ? 200 : error.status,
    error: error === undefined ? null : printForDevelopers(facts, error),
    controller: subject.controller ?? null,
    action: subject.action ?? null,
    requestId: subject.requestId,
    ...(result === undefined ? error !== undefined && { result: null } : { result }),
    volatile: subject.volatile ?? null,
    node: facts.node,
    headers: {},
    ...(index !== undefined && { index }),
    ...(collection !== undefined && { collection }),
  }
}

/** An error as the wire shows it, with its stack in development. */
export function printForDevelopers({ development }: EnvelopeFacts, error: KuzzleError): PrintedError {
  const printed = printError(error)
  if (!development) return printed
  const origin = error.cause instanceof Error ? error.cause : error
  return origin.stack === undefined ? printed : { ...printed, stack: origin.stack }
}
