import type { Caller } from '../../core/access/caller.ts'
import type { KeyAuthority } from '../../core/key-authority.ts'
import type { KuzzleRequest } from './request.ts'
import type { ServerFacts } from './server-facts.ts'

/** What an action may use: the authority, who asks, and what the server knows of itself. */
export type ActionContext = {
  readonly authority: KeyAuthority
  readonly caller: Caller
  readonly server: ServerFacts
}

/** One HTTP route of an action. Only the routes with `published` not false are listed by `server:publicApi`. */
export type Route = {
  readonly verb: 'GET' | 'POST' | 'PUT' | 'DELETE' | 'PATCH'
  /** With `:name` for path parameters. */
  readonly path: string
  /** Served, but not listed: an alias. */
  readonly published?: false
  readonly deprecated?: { readonly message: string; readonly version: string }
}

/**
 * One action: its routes, and what it does. Resolves to the envelope's `result`, `undefined` to omit it, or an
 * `Outcome` when there is more to say (partial failure, cookie, answer without envelope). Refuses by throwing a
 * `KuzzleError`, `DomainError` or `QueryError`.
 */
export type Action = {
  readonly routes: readonly Route[]
  readonly run: (request: KuzzleRequest, context: ActionContext) => Promise<unknown>
}

/** The actions of one controller, by name. */
export type Controller = Readonly<Record<string, Action>>
