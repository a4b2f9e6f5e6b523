import type { Role } from '../../core/access/role.ts'
import type { RoleId, UserId } from '../../core/ids.ts'
import { ANONYMOUS_ID } from '../../core/ids.ts'
import { textOfStored } from '../../query/sql/postgres.ts'
import type { SqlValue } from '../../query/sql/sql-text.ts'
import { column } from './column.ts'
import type { Row, WireStatement } from './connection.ts'
import type { PostgresDatabase } from './database.ts'

/** Records of one kind, and users, that are kept in memory; the oldest are dropped first, and lose their identity then. */
const REMEMBERED_MAX = 10_000

/**
 * The value of `access_revision`, when it is known to be that of now.
 *
 * Look-ups of keys bring it along. It holds for what follows from their answer without another callback of the event loop:
 * whoever was told of a later change, by whatever node, is heard through a callback of its own.
 */
export class AccessRevision {
  #value = -1
  #isFresh = false

  /** To be called with what an answer brought, in the very promise that follows from it. */
  told(value: number): void {
    // Answers may overtake each other: only the latest says anything about now.
    if (value < this.#value) return
    this.#value = value
    if (this.#isFresh) return
    this.#isFresh = true
    process.nextTick(this.#outdate)
  }

  /** Undefined when PostgreSQL has to be asked. */
  get now(): number | undefined {
    return this.#isFresh ? this.#value : undefined
  }

  readonly #outdate = (): void => {
    this.#isFresh = false
  }
}

/** Records by id and revision: as long as a record has the same revision, it is the identical object. */
export class RecordMemory<Id extends string, T> {
  readonly #fromRow: (row: Row) => T
  readonly #known = new Map<Id, { readonly value: T; readonly revision: number }>()

  constructor(fromRow: (row: Row) => T) {
    this.#fromRow = fromRow
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

type Known = { readonly roles: readonly Role[]; revision: number }

/** The roles of users, from memory while no role, profile or assignment of profiles changed. */
export class UserRoles {
  readonly #database: PostgresDatabase
  readonly #revision: AccessRevision
  readonly #roles: RecordMemory<RoleId, Role>
  readonly #known = new Map<UserId, Known>()
  readonly #readRevision: WireStatement
  readonly #readRoles: (values: readonly SqlValue[]) => WireStatement

  constructor(database: PostgresDatabase, revision: AccessRevision, roles: RecordMemory<RoleId, Role>) {
    this.#database = database
    this.#revision = revision
    this.#roles = roles
    this.#readRevision = database.prepare(REVISION)([])
    this.#readRoles = database.prepare(ROLES_OF_USER)
  }

  /** The identical list as long as it is the same roles; at once when nothing has to be asked. */
  find(user: UserId): readonly Role[] | Promise<readonly Role[]> {
    const known = this.#known.get(user)
    if (known === undefined) return this.#load(user)
    return known.revision === this.#revision.now ? known.roles : this.#check(user, known)
  }

  async #check(user: UserId, known: Known): Promise<readonly Role[]> {
    const { rows } = await this.#database.readPrepared(this.#readRevision)
    const revision = Number(rows[0]?.[0])
    this.#revision.told(revision)
    return known.revision === revision ? known.roles : this.#load(user)
  }

  async #load(user: UserId): Promise<readonly Role[]> {
    const [row = []] = (await this.#database.readPrepared(this.#readRoles([user]))).rows
    const revision = column<number>(row, 0)
    this.#revision.told(revision)
    const roles = this.#rolesIn(user, row)
    const known = this.#known.get(user)
    if (roles === undefined) {
      this.#known.delete(user)
      return []
    }
    if (known !== undefined && isSame(known.roles, roles)) {
      known.revision = Math.max(known.revision, revision)
      return known.roles
    }
    if (known === undefined || known.revision < revision) {
      this.#known.set(user, { roles, revision })
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
        return [id, this.#roles.recall(id, record)] as const
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

function forgetOldest(known: Map<string, unknown>): void {
  if (known.size <= REMEMBERED_MAX) return
  for (const id of known.keys()) {
    known.delete(id)
    return
  }
}
