import type { Session } from '../../core/access/session.ts'
import type { KuzzleError } from './kuzzle-errors.ts'

/** What an action answers beside its result. */
export type OutcomeExtras = {
  /** Partial failure: shown together with the result, and gives the status. */
  readonly error?: KuzzleError
  /** A cookie to set, as the value of a `Set-Cookie` header; only over HTTP. */
  readonly cookie?: string
  /** Over HTTP, these bytes are the whole answer, without an envelope. */
  readonly raw?: { readonly contentType: string; readonly text: string }
  /** A session that this action issued to the client, which the client will use from now on. */
  readonly session?: Session
}

/** What an action resolves to when there is more to say than a result. */
export class Outcome {
  readonly result: unknown
  readonly extras: OutcomeExtras

  constructor(result: unknown, extras: OutcomeExtras) {
    this.result = result
    this.extras = extras
  }
}
