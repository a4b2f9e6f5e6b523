/** How a call went: what it gave, or with which status it was refused. */
export type Outcome<T> = { readonly done: T } | { readonly refused: number }

/** A key with the one text that lets somebody in. */
export type ScenarioKey = { readonly id: string; readonly token: string }

/** What a new key shall be. */
export type ScenarioRequest = {
  readonly owner: string
  readonly description: string
  readonly id?: string
  readonly ttlMs?: number
}

/**
 * A client of the server that speaks one language over HTTP, with the token of somebody who asks (`as`).
 *
 * Scenarios are told in these calls only, so that each of them is run in every language, and across languages.
 */
export interface ScenarioClient {
  readonly language: string
  /** Whether clients may name new keys; the text is why they may not. */
  readonly choosesIds: true | string
  /** Whether somebody who may not end a key can tell it from one that does not exist. */
  readonly tellsUnknownFromForbidden: boolean
  issue(as: string, request: ScenarioRequest): Promise<Outcome<ScenarioKey>>
  /** Whether the token is good. */
  isGood(as: string, token: string): Promise<boolean>
  /** Who somebody with that token is. */
  whoIs(token: string): Promise<Outcome<string>>
  /** Ids of the owner's keys that have the word in their description, sorted. */
  search(as: string, owner: string, word: string): Promise<Outcome<readonly string[]>>
  revoke(as: string, owner: string, id: string): Promise<Outcome<'revoked'>>
  /** What not every language can say; the text is why it cannot. */
  readonly disable: ((as: string, id: string) => Promise<Outcome<'disabled'>>) | string
  readonly enable: ((as: string, id: string) => Promise<Outcome<'enabled'>>) | string
  readonly restore: ((as: string, id: string) => Promise<Outcome<'restored'>>) | string
  readonly rotate: ((as: string, id: string, graceMs: number) => Promise<Outcome<ScenarioKey>>) | string
}

/** What a call gave, when it had to succeed. */
export function done<T>(outcome: Outcome<T>): T {
  if ('done' in outcome) return outcome.done
  throw new Error(`It was refused with status ${outcome.refused}`)
}
