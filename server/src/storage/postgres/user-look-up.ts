import type { User } from '../../core/access/user.ts'
import type { UserId } from '../../core/ids.ts'
import { sql } from '../../query/sql/sql-text.ts'
import { forgetOldest } from './access-memory.ts'
import { text } from './column.ts'
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
  readonly #known = new Map<UserId, User>()
  #epoch = 0

  constructor(parts: SessionLookUpParts) {
    this.#parts = parts
    parts.feed.listen(({ kind }) => {
      if (kind !== 'access' && kind !== 'owner' && kind !== 'everything') return
      this.#epoch += 1
      this.#known.clear()
    })
  }

  /** @throws {DomainError} `storage.unavailable`. */
  find(id: UserId): Promise<User | undefined> {
    return this.#parts.readThrough.read(
      () => this.#load(id),
      () => this.#recall(id),
    )
  }

  #recall(id: UserId): { readonly found: User } | undefined {
    const found = this.#known.get(id)
    return found && { found }
  }

  async #load(id: UserId): Promise<User | undefined> {
    const epoch = this.#epoch
    const row = await this.#parts.database.first(userById(id))
    const user = row && userFromRow(row)
    this.#known.delete(id)
    if (user === undefined || epoch !== this.#epoch) return user
    this.#known.set(id, user)
    forgetOldest(this.#known)
    return user
  }
}
