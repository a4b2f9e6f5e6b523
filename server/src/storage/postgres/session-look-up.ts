import type { Session } from '../../core/access/session.ts'
import type { UserId } from '../../core/ids.ts'
import type { Fingerprint } from '../../core/keys/fingerprint.ts'
import type { StoreChange } from '../../core/ports/store-changes.ts'
import type { Instant } from '../../core/record.ts'
import { sql } from '../../query/sql/sql-text.ts'
import { forgetOldest } from './access-memory.ts'
import type { ChangeFeed } from './change-feed.ts'
import { bytes, column } from './column.ts'
import type { Row } from './connection.ts'
import type { PostgresDatabase } from './database.ts'
import type { ReadThrough } from './read-through.ts'

/** The columns of a session. */
export const SESSION_COLUMNS = sql`fingerprint, owner, ttl_ms, expires_at, single_use, refreshed, created_at`

/** What looks up sessions, and users. */
export type SessionLookUpParts = {
  readonly database: PostgresDatabase
  readonly feed: Pick<ChangeFeed, 'isFresh' | 'listen'>
  readonly readThrough: ReadThrough
}

/** Looks sessions up, in memory first while that can be trusted. Those that can be used once are not remembered. */
export class SessionLookUp {
  readonly #parts: SessionLookUpParts
  readonly #known = new Map<Fingerprint, Session>()
  /** Changes of sessions that were heard of: what is read meanwhile is not remembered. */
  #epoch = 0

  constructor(parts: SessionLookUpParts) {
    this.#parts = parts
    parts.feed.listen((change) => this.#obey(change))
  }

  /** @throws {DomainError} `storage.unavailable`. */
  async find(fingerprint: Fingerprint): Promise<Session | undefined> {
    const { feed, readThrough } = this.#parts
    const known = this.#known.get(fingerprint)
    if (known !== undefined && feed.isFresh()) return known
    return readThrough.read(
      () => this.#load(fingerprint),
      () => this.#recall(fingerprint),
    )
  }

  /** Forgets sessions that expired before `now`. */
  forgetExpired(now: Instant): void {
    for (const [fingerprint, { expiresAt }] of this.#known) {
      if (expiresAt !== undefined && expiresAt < now) this.#known.delete(fingerprint)
    }
  }

  #recall(fingerprint: Fingerprint): { readonly found: Session } | undefined {
    const found = this.#known.get(fingerprint)
    return found && { found }
  }

  async #load(fingerprint: Fingerprint): Promise<Session | undefined> {
    const epoch = this.#epoch
    const row = await this.#parts.database.first(
      sql`SELECT ${SESSION_COLUMNS} FROM sessions WHERE fingerprint = ${bytes(fingerprint)}`,
    )
    const session = row && sessionFromRow(row, fingerprint)
    this.#known.delete(fingerprint)
    if (session !== undefined && !session.singleUse && epoch === this.#epoch) this.#remember(session)
    return session
  }

  #remember(session: Session): void {
    this.#known.set(session.fingerprint, session)
    forgetOldest(this.#known)
  }

  #obey(change: StoreChange): void {
    if (change.kind !== 'sessions' && change.kind !== 'everything') return
    this.#epoch += 1
    if (change.kind === 'everything') this.#known.clear()
    else for (const fingerprint of change.fingerprints) this.#known.delete(fingerprint)
  }
}

function sessionFromRow(row: Row, fingerprint: Fingerprint): Session {
  return {
    fingerprint,
    owner: column<UserId>(row, 1),
    ...(row[2] !== null && { ttlMs: column<number>(row, 2) }),
    ...(row[3] !== null && { expiresAt: column<number>(row, 3) }),
    singleUse: column<boolean>(row, 4),
    refreshed: column<boolean>(row, 5),
    createdAt: column<number>(row, 6),
  }
}
