import type { Role } from '../../core/access/role.ts'
import type { RoleId, UserId } from '../../core/ids.ts'
import { ANONYMOUS_ID } from '../../core/ids.ts'
import { textOfStored } from '../../query/sql/postgres.ts'
import type { SqlValue } from '../../query/sql/sql-text.ts'
import type { ChangeFeed } from './change-feed.ts'
import { column } from './column.ts'
import type { Row, WireStatement } from './connection.ts'
import type { PostgresDatabase } from './database.ts'
import type { ReadThrough } from './read-through.ts'

/** Records of one kind, and users, that are kept in memory; the oldest are dropped first, and lose their identity then. */
const REMEMBERED_MAX = 10_000

type KnownRecord<T> = {
  readonly value: T
  readonly revision: number
  /** How many changes were heard of when it was last read by itself. */
  epoch?: number
}

/** Records by id and revision: as long as a record has the same revision, it is the identical object. */
export class RecordMemory<Id extends string, T> {
  readonly #fromRow: (row: Row) => T
  readonly #known = new Map<Id, KnownRecord<T>>()
  #epoch = 0

  constructor(fromRow: (row: Row) => T) {
    this.#fromRow = fromRow
  }

  /** Somebody changed one of them. */
  outdate(): void {
    this.#epoch += 1
  }

  /** The record that `load` reads the row of, see `recall`. */
  async read(id: Id, load: () => Promise<Row | undefined>): Promise<T | undefined> {
    const epoch = this.#epoch
    const record = this.recall(id, await load())
    const known = this.#known.get(id)
    if (known !== undefined) known.epoch = epoch
    return record
  }

  /** What was read since anybody was heard to have changed one. */
  current(id: Id): { readonly found: T } | undefined {
    const known = this.#known.get(id)
    return known?.epoch === this.#epoch ? { found: known.value } : undefined
  }

  /** The record of a row, whose last column is the revision. */
  recall(id: Id, row: Row | undefined): T | undefined {
    if (row === undefined) {
      this.#known.delete(id)
      return undefined
    }
    const revision = Number(row.at(-1))
    const known = this.#known.get(id)
    // An answer that was overtaken by a later one must not put an older record back in its place.
    if (known !== undefined && known.revision === revision) return known.value
    const value = this.#fromRow(row)
    if (known !== undefined && known.revision > revision) return value
    this.#known.set(id, { value, revision })
    forgetOldest(this.#known)
    return value
  }
}

const REVISION = 'SELECT value FROM access_revision'

/**
 * The roles of a user in one row and one snapshot: revision, profiles as `[id, policies]` and roles with their columns,
 * both as JSON, and the profile ids of the user, NULL when there is none.
 */
const ROLES_OF_USER = `WITH held AS (
    SELECT profile_id FROM user_profile WHERE user_id = $1::text
    UNION SELECT 'anonymous' WHERE $1::text = '${ANONYMOUS_ID}'
  )
  SELECT (SELECT value FROM access_revision),
    (SELECT profile_ids FROM users WHERE id = $1::text),
    (SELECT json_agg(json_build_array(id, policies)) FROM profiles
      WHERE id IN (SELECT profile_id FROM held))::text,
    (SELECT json_agg(json_build_array(id, controllers, tags, content, created_by, created_at, updated_by, updated_at,
        revision)) FROM roles
      WHERE id IN (SELECT role_id FROM profile_role WHERE profile_id IN (SELECT profile_id FROM held)))::text`

type Known = {
  readonly roles: readonly Role[]
  revision: number
  /** How many changes were heard of when it was last asked for. */
  epoch: number
}

/** What the roles of users are read with. */
export type UserRolesParts = {
  readonly database: PostgresDatabase
  readonly feed: Pick<ChangeFeed, 'isFresh' | 'listen'>
  readonly readThrough: ReadThrough
  readonly roles: RecordMemory<RoleId, Role>
}

/** The roles of users, from memory while no change of a role, a profile or who holds one was heard of. */
export class UserRoles {
  readonly #parts: UserRolesParts
  readonly #known = new Map<UserId, Known>()
  readonly #readRevision: WireStatement
  readonly #readRoles: (values: readonly SqlValue[]) => WireStatement
  #epoch = 0

  constructor(parts: UserRolesParts) {
    this.#parts = parts
    this.#readRevision = parts.database.prepare(REVISION)([])
    this.#readRoles = parts.database.prepare(ROLES_OF_USER)
    parts.feed.listen(({ kind }) => {
      if (kind === 'access' || kind === 'everything') this.#epoch += 1
    })
  }

  /** The identical list as long as it is the same roles; at once when nothing has to be asked. */
  find(user: UserId): readonly Role[] | Promise<readonly Role[]> {
    const { feed, readThrough } = this.#parts
    const known = this.#known.get(user)
    if (known !== undefined && known.epoch === this.#epoch && feed.isFresh()) return known.roles
    return readThrough.read(
      () => (known === undefined ? this.#load(user) : this.#check(user, known)),
      () => this.#recall(user),
    )
  }

  /** What nobody was heard to have changed: more is not served either while the store does not answer. */
  #recall(user: UserId): { readonly found: readonly Role[] } | undefined {
    const known = this.#known.get(user)
    return known?.epoch === this.#epoch ? { found: known.roles } : undefined
  }

  async #check(user: UserId, known: Known): Promise<readonly Role[]> {
    const epoch = this.#epoch
    const { rows } = await this.#parts.database.readPrepared(this.#readRevision)
    if (known.revision !== Number(rows[0]?.[0])) return this.#load(user)
    known.epoch = Math.max(known.epoch, epoch)
    return known.roles
  }

  async #load(user: UserId): Promise<readonly Role[]> {
    const epoch = this.#epoch
    const [row = []] = (await this.#parts.database.readPrepared(this.#readRoles([user]))).rows
    const revision = column<number>(row, 0)
    const roles = this.#rolesIn(user, row)
    const known = this.#known.get(user)
    if (roles === undefined) {
      this.#known.delete(user)
      return []
    }
    if (known !== undefined && isSame(known.roles, roles)) {
      known.revision = Math.max(known.revision, revision)
      known.epoch = Math.max(known.epoch, epoch)
      return known.roles
    }
    if (known === undefined || known.revision < revision) {
      this.#known.set(user, { roles, revision, epoch })
      forgetOldest(this.#known)
    }
    return roles
  }

  /** Undefined when there is no such user. */
  #rolesIn(user: UserId, row: Row): readonly Role[] | undefined {
    const ids = user === ANONYMOUS_ID ? '["anonymous"]' : column<string | null>(row, 1)
    if (ids === null) return undefined
    const profiles = new Map(recordsIn(row, 2).map(([id, policies]) => [id, rolesNamedIn(policies)]))
    const roles = new Map(
      recordsIn(row, 3).map((record) => {
        const id = record[0] as RoleId
        return [id, this.#parts.roles.recall(id, record)] as const
      }),
    )
    const named = (JSON.parse(ids) as readonly string[]).flatMap((id) => profiles.get(id) ?? [])
    return [...new Set(named)].map((id) => roles.get(id)).filter((role) => role !== undefined)
  }
}

/** Rows that came as JSON, whose texts are still as they are stored. */
function recordsIn(row: Row, index: number): readonly Row[] {
  const records = JSON.parse(column<string | null>(row, index) ?? '[]') as readonly Row[]
  return records.map((record) =>
    record.map((value) => (typeof value === 'string' ? textOfStored(value) : value)),
  )
}

function rolesNamedIn(policies: unknown): readonly RoleId[] {
  return (JSON.parse(policies as string) as readonly { readonly roleId: RoleId }[]).map(
    (policy) => policy.roleId,
  )
}

function isSame(one: readonly Role[], other: readonly Role[]): boolean {
  return one.length === other.length && one.every((role, index) => role === other[index])
}

/** Drops the oldest of what is remembered when it is too much. */
export function forgetOldest(known: Map<string, unknown>): void {
  if (known.size <= REMEMBERED_MAX) return
  for (const id of known.keys()) {
    known.delete(id)
    return
  }
}
