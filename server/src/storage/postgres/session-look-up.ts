import type { Session } from '../../core/access/session.ts'
import type { Fingerprint } from '../../core/keys/fingerprint.ts'
import type { Instant } from '../../core/record.ts'
import { sql } from '../../query/sql/sql-text.ts'
import { sessionFromRow } from '../session-row.ts'
import type { ChangeFeed } from './change-feed.ts'
import { bytes } from './column.ts'
import type { PostgresDatabase } from './database.ts'
import { ReadMemory } from './read-memory.ts'
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
  readonly #memory = new ReadMemory<Fingerprint, Session>()

  constructor(parts: SessionLookUpParts) {
    this.#parts = parts
    parts.feed.listen((change) => {
      if (change.kind === 'sessions') this.#memory.forget(change.fingerprints)
      else if (change.kind === 'everything') this.#memory.forgetAll()
    })
  }

  /** @throws {DomainError} `storage.unavailable`. */
  async find(fingerprint: Fingerprint): Promise<Session | undefined> {
    const { feed, readThrough } = this.#parts
    const known = this.#memory.recall(fingerprint)
    if (known !== undefined && feed.isFresh()) return known.found
    return readThrough.read(
      () => this.#memory.read(fingerprint, () => this.#load(fingerprint), isOftenUsed),
      () => this.#memory.recall(fingerprint),
    )
  }

  /** Forgets sessions that expired before `now`. */
  forgetExpired(now: Instant): void {
    this.#memory.drop(({ expiresAt }) => expiresAt !== undefined && expiresAt < now)
  }

  async #load(fingerprint: Fingerprint): Promise<Session | undefined> {
    const row = await this.#parts.database.first(
      sql`SELECT ${SESSION_COLUMNS} FROM sessions WHERE fingerprint = ${bytes(fingerprint)}`,
    )
    return row && sessionFromRow(row, fingerprint)
  }
}

function isOftenUsed({ singleUse }: Session): boolean {
  return !singleUse
}
