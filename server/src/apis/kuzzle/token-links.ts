import { expiryOf, type GoodToken } from '../../core/access/caller.ts'
import type { Session } from '../../core/access/session.ts'
import type { WatchedTokens } from '../../core/keys/ended-tokens.ts'
import type { Fingerprint } from '../../core/keys/fingerprint.ts'
import type { Clock } from '../../core/ports/clock.ts'
import type { Instant } from '../../core/record.ts'

/** How often a sweep should run: a client learns that late at most that its token expired. */
export const SWEEP_INTERVAL_MS = 200

/**
 * Which connection was last seen with which token, only to tell it when that token ends. A connection is linked to
 * one token at a time; what a token may do is decided for each message anew.
 */
export interface TokenLinks<Client> {
  /** Links a client to the token it just showed. Single-use tokens are over already. */
  link(client: Client, token: GoodToken): void
  /** Links a client to a session that it was just given. */
  linkSession(client: Client, session: Session): void
  /** The client is told nothing more of its token. */
  unlink(client: Client): void
  /** A token ended before its time: tells its clients. */
  ended(fingerprint: Fingerprint): void
  /** A token ends at another time than it did; absent: never. */
  lifeChanged(fingerprint: Fingerprint, expiresAt: Instant | undefined): void
  /** The tokens that clients are linked to. */
  readonly linked: WatchedTokens
  /** Tells the clients of all tokens that have expired. */
  sweep(): void
}

/**
 * `tell` is called once for each client whose token ended, and `onLinked` with each token that a client is linked to and
 * none was: it may have ended since somebody looked.
 */
export function createTokenLinks<Client>(
  clock: Clock,
  tell: (client: Client) => void,
  onLinked: (fingerprint: Fingerprint) => void = () => {},
): TokenLinks<Client> {
  const tokens = new Map<Fingerprint, LinkedToken<Client>>()
  const tokenOf = new Map<Client, Fingerprint>()

  const unlink = (client: Client): void => {
    const fingerprint = tokenOf.get(client)
    if (fingerprint === undefined) return
    tokenOf.delete(client)
    const token = tokens.get(fingerprint)
    token?.clients.delete(client)
    if (token?.clients.size === 0) tokens.delete(fingerprint)
  }
  const lifeChanged = (fingerprint: Fingerprint, expiresAt: Instant | undefined): void => {
    const token = tokens.get(fingerprint)
    if (token !== undefined) token.expiresAt = expiresAt
  }
  const linkTo = (client: Client, { fingerprint, expiresAt }: Lifespan): void => {
    // What the token says of itself now counts: another process may have changed when it ends.
    lifeChanged(fingerprint, expiresAt)
    if (tokenOf.get(client) === fingerprint) return
    unlink(client)
    const linked = tokens.get(fingerprint)
    const token: LinkedToken<Client> = linked ?? { expiresAt, clients: new Set() }
    token.clients.add(client)
    tokens.set(fingerprint, token)
    tokenOf.set(client, fingerprint)
    if (linked === undefined) onLinked(fingerprint)
  }
  const ended = (fingerprint: Fingerprint): void => {
    const token = tokens.get(fingerprint)
    if (token === undefined) return
    tokens.delete(fingerprint)
    for (const client of token.clients) {
      tokenOf.delete(client)
      tell(client)
    }
  }

  return {
    link(client, token) {
      if (token.kind === 'key') linkTo(client, lifespanOf(token))
      else if (!token.session.singleUse) linkTo(client, token.session)
    },
    linkSession: linkTo,
    unlink,
    ended,
    lifeChanged,
    linked: tokens,
    sweep() {
      const now = clock.now()
      for (const [fingerprint, { expiresAt }] of tokens) {
        if (expiresAt !== undefined && expiresAt <= now) ended(fingerprint)
      }
    },
  }
}

type Lifespan = { readonly fingerprint: Fingerprint; readonly expiresAt?: Instant }

type LinkedToken<Client> = { expiresAt: Instant | undefined; readonly clients: Set<Client> }

/** A secret that a rotation replaced ends before its key does. */
function lifespanOf(token: Extract<GoodToken, { readonly kind: 'key' }>): Lifespan {
  const fingerprint = token.shown?.fingerprint ?? token.key.fingerprint
  const expiresAt = expiryOf(token)
  return expiresAt === undefined ? { fingerprint } : { fingerprint, expiresAt }
}
