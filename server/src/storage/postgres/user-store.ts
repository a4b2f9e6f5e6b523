import type { User } from '../../core/access/user.ts'
import type { ProfileId, UserId } from '../../core/ids.ts'
import type { UserStore } from '../../core/ports/user-store.ts'
import { storedJson } from '../../query/sql/postgres.ts'
import { type SqlText, sql } from '../../query/sql/sql-text.ts'
import { adminExists, userAlreadyExists, userNotFound } from '../refusals.ts'
import { lockAccess, nextRevision, shareAccess } from './access-writer.ts'
import type { AuditWriter } from './audit-store.ts'
import { noteChanges } from './change.ts'
import { fingerprintOfBytes, text } from './column.ts'
import type { Row } from './connection.ts'
import {
  type CredentialsPart,
  createCredentialsPart,
  insertNewUsersCredentials,
} from './credentials-store.ts'
import { violatedUnique } from './postgres-error.ts'
import { endAllKeys, endOwnersKeys } from './revoked-keys.ts'
import { searchUsers } from './search.ts'
import type { SessionLookUpParts } from './session-look-up.ts'
import type { Transaction } from './transaction.ts'
import { UserLookUp, userById } from './user-look-up.ts'
import { USER_COLUMNS, userFromRow } from './user-row.ts'
import { insertUser, replaceUser, requireProfiles } from './user-writer.ts'

/** Users and their credentials in PostgreSQL. */
export function createUserStore(audit: AuditWriter, parts: SessionLookUpParts): UserStore {
  const { database } = parts
  const lookUp = new UserLookUp(parts)
  const users: Omit<UserStore, keyof CredentialsPart> = {
    async create(user, credentials, event, onlyIfNoneHas) {
      const creation = database.change(async (transaction) => {
        await (onlyIfNoneHas === undefined ? shareAccess(transaction) : lockAccess(transaction))
        if (onlyIfNoneHas !== undefined && (await transaction.first(holderOf(onlyIfNoneHas))) !== undefined) {
          throw adminExists(onlyIfNoneHas)
        }
        if ((await transaction.first(userById(user.id))) !== undefined) throw userAlreadyExists(user.id)
        await requireProfiles(transaction, user.profileIds)
        insertUser(transaction, user)
        await insertNewUsersCredentials(transaction, credentials)
        transaction.later(audit.insert(event))
      })
      await creation.catch((error: unknown) => {
        throw violatedUnique(error) === 'users_pkey' ? userAlreadyExists(user.id) : error
      })
    },
    find: (id) => lookUp.find(id),
    async findMany(ids) {
      const rows = await database.readMany(sql`SELECT ${USER_COLUMNS} FROM users
        WHERE id = ANY (ARRAY(SELECT jsonb_array_elements_text(${storedJson(ids)}::jsonb)))`)
      const found = new Map(rows.map(userFromRow).map((user) => [user.id, user]))
      return [...new Set(ids)].map((id) => found.get(id)).filter((user) => user !== undefined)
    },
    update(id, change, event) {
      return database.change(async (transaction) => {
        await lockAccess(transaction)
        const old = userFromRow(await requireUser(transaction, id))
        const next = change(old)
        await requireProfiles(transaction, next.profileIds)
        if (!isSame(old.profileIds, next.profileIds)) await nextRevision(transaction)
        replaceUser(transaction, { ...next, id })
        transaction.later(audit.insert(event))
        return next
      })
    },
    remove: (id, event) =>
      database.change(async (transaction) => {
        await lockAccess(transaction)
        const user = userFromRow(await requireUser(transaction, id))
        const keys = await endOwnersKeys(transaction, id, event)
        const sessions = await transaction.all(
          sql`DELETE FROM sessions WHERE owner = ${text(id)} RETURNING fingerprint`,
        )
        const endedSessions = sessions.map((row) => fingerprintOfBytes(row[0]))
        for (const statement of removalOf(id)) transaction.later(statement)
        await nextRevision(transaction)
        noteChanges(transaction, [
          { kind: 'owner', owner: id },
          ...(endedSessions.length > 0 ? [{ kind: 'sessions', fingerprints: endedSessions } as const] : []),
        ])
        transaction.later(audit.insert(event))
        return { user, endedTokens: [...keys, ...endedSessions] }
      }),
    removeAll: (event) =>
      database.change(async (transaction) => {
        await lockAccess(transaction)
        // Keys of owners that are no users would otherwise be counted, while they are written, in rows that are removed.
        await transaction.script('LOCK TABLE users, owner_stats, keys, sessions IN SHARE ROW EXCLUSIVE MODE')
        const keys = await endAllKeys(transaction, event)
        const sessions = await transaction.all(sql`DELETE FROM sessions RETURNING fingerprint`)
        for (const statement of REMOVAL_OF_ALL) transaction.later(statement)
        const count = await transaction.run(sql`DELETE FROM users`)
        await nextRevision(transaction)
        noteChanges(transaction, [{ kind: 'everything' }])
        transaction.later(audit.insert(event))
        return { count, endedTokens: [...keys, ...sessions.map((row) => fingerprintOfBytes(row[0]))] }
      }),
    async existsWithProfile(profileId) {
      return (await database.first(holderOf(profileId))) !== undefined
    },
    search: (search) => searchUsers(database, search),
  }
  return { ...users, ...createCredentialsPart(database, audit) }
}

function holderOf(profileId: ProfileId): SqlText {
  return sql`SELECT 1 FROM user_profile WHERE profile_id = ${text(profileId)} LIMIT 1`
}

/** Locks a user against everybody who would give something to it. */
async function requireUser(transaction: Transaction, id: UserId): Promise<Row> {
  const row = await transaction.first(sql`${userById(id)} FOR UPDATE`)
  if (row === undefined) throw userNotFound(id)
  return row
}

/** Credentials and the index of profiles go with the user: ON DELETE CASCADE. */
function removalOf(id: UserId): readonly SqlText[] {
  return [
    sql`DELETE FROM owner_stats WHERE owner = ${text(id)}`,
    sql`DELETE FROM owner_limits WHERE owner = ${text(id)}`,
    sql`DELETE FROM users WHERE id = ${text(id)}`,
  ]
}

const REMOVAL_OF_ALL = [
  sql`DELETE FROM owner_stats`,
  sql`DELETE FROM owner_limits`,
  sql`DELETE FROM credentials`,
  sql`DELETE FROM user_profile`,
]

function isSame(one: User['profileIds'], other: User['profileIds']): boolean {
  return one.length === other.length && one.every((id, index) => id === other[index])
}
