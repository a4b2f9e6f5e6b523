import type { User } from '../../core/access/user.ts'
import type { UserId } from '../../core/ids.ts'
import { sql } from '../../query/sql/sql-text.ts'
import { text } from './column.ts'
import { ReadMemory } from './read-memory.ts'
import type { SessionLookUpParts } from './session-look-up.ts'
import { USER_COLUMNS, userFromRow } from './user-row.ts'

/** SQL for the user of that id. */
export function userById(id: UserId) {
  return sql`SELECT ${USER_COLUMNS} FROM users WHERE id = ${text(id)}`
}

/**
 * Looks users up in the store: not every change of what is written about one is told of. What was read is remembered for the
 * time when the store does not answer, until somebody may have taken the user or its profiles away.
 */
export class UserLookUp {
  readonly #parts: SessionLookUpParts
  readonly #memory = new ReadMemory<UserId, User>()

  constructor(parts: SessionLookUpParts) {
    this.#parts = parts
    parts.feed.listen(({ kind }) => {
      if (kind === 'access' || kind === 'owner' || kind === 'everything') this.#memory.forgetAll()
    })
  }

  /** @throws {DomainError} `storage.unavailable`. */
  find(id: UserId): Promise<User | undefined> {
    return this.#parts.readThrough.read(
      () => this.#memory.read(id, () => this.#load(id)),
      () => this.#memory.recall(id),
    )
  }

  async #load(id: UserId): Promise<User | undefined> {
    const row = await this.#parts.database.first(userById(id))
    return row && userFromRow(row)
  }
}
