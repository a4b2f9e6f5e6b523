import type { User } from '../../core/access/user.ts'
import type { ProfileId, UserId } from '../../core/ids.ts'
import type { Fingerprint } from '../../core/keys/fingerprint.ts'
import type { UserStore } from '../../core/ports/user-store.ts'
import { adminExists, userAlreadyExists, userNotFound } from '../refusals.ts'
import type { WriteAudit } from './audit-store.ts'
import { column, fingerprintOfBytes } from './column.ts'
import { type CredentialsPart, createCredentialsPart } from './credentials-store.ts'
import type { Row, SqliteDatabase } from './database.ts'
import type { RequireOwner } from './owners.ts'
import { searchUsers } from './search.ts'
import { USER_COLUMNS, userFromRow } from './user-row.ts'
import type { UserWriter } from './user-writer.ts'

/** SQL of this store's look-ups, for the test that asks SQLite how it answers them. */
export const USER_LOOKUPS = {
  byId: `SELECT ${USER_COLUMNS}, seq FROM users WHERE id = ?`,
  withProfile: 'SELECT 1 FROM user_profile WHERE profile_id = ? LIMIT 1',
  takeKeys: 'DELETE FROM keys WHERE owner = ? RETURNING fingerprint',
  takeSessions: 'DELETE FROM sessions WHERE owner = ? RETURNING fingerprint',
  removeStats: 'DELETE FROM owner_stats WHERE owner = ?',
  // Credentials and the index of profiles go with it: ON DELETE CASCADE.
  remove: 'DELETE FROM users WHERE seq = ?',
} as const

/** Position of `seq` in the rows of `byId`: behind the columns of a user. */
const SEQ = USER_COLUMNS.split(',').length

const ALL_TOKENS = 'SELECT fingerprint FROM keys UNION ALL SELECT fingerprint FROM sessions'
const TABLES_OF_USERS = ['keys', 'owner_stats', 'sessions', 'credentials', 'user_profile', 'users'] as const

/** Users and their credentials in SQLite. */
export function createUserStore(
  database: SqliteDatabase,
  writeAudit: WriteAudit,
  requireOwner: RequireOwner,
  writer: UserWriter,
): UserStore {
  const { insertNewUsersCredentials, ...credentialsPart } = createCredentialsPart(
    database,
    writeAudit,
    requireOwner,
  )
  const byId = database.statement(USER_LOOKUPS.byId)
  const withProfile = database.statement(USER_LOOKUPS.withProfile)

  const isHeld = (profileId: ProfileId) => withProfile.get(profileId) !== undefined

  function requireRow(id: UserId): Row {
    const row = byId.get(id)
    if (row === undefined) throw userNotFound(id)
    return row
  }

  const users: Omit<UserStore, keyof CredentialsPart> = {
    create(user, credentials, event, onlyIfNoneHas) {
      return database.change(() => {
        if (onlyIfNoneHas !== undefined && isHeld(onlyIfNoneHas)) throw adminExists(onlyIfNoneHas)
        if (byId.get(user.id) !== undefined) throw userAlreadyExists(user.id)
        writer.requireProfiles(user.profileIds)
        writer.insert(user)
        insertNewUsersCredentials(credentials)
        writeAudit(event)
      })
    },
    async find(id) {
      const row = database.read(() => byId.get(id))
      return row && userFromRow(row)
    },
    async findMany(ids) {
      return database.read(() => {
        const rows = [...new Set(ids)].map((id) => byId.get(id))
        return rows.filter((row) => row !== undefined).map(userFromRow)
      })
    },
    update(id, change, event) {
      return database.change(() => {
        const row = requireRow(id)
        const next = change(userFromRow(row))
        writer.requireProfiles(next.profileIds)
        writer.replace(column<number>(row, SEQ), next)
        writeAudit(event)
        return next
      })
    },
    remove: prepareRemove(database, writeAudit, requireRow),
    removeAll: prepareRemoveAll(database, writeAudit),
    async existsWithProfile(profileId) {
      return database.read(() => isHeld(profileId))
    },
    search: (search) => searchUsers(database, search),
  }
  return { ...users, ...credentialsPart }
}

function prepareRemove(
  database: SqliteDatabase,
  writeAudit: WriteAudit,
  requireRow: (id: UserId) => Row,
): UserStore['remove'] {
  const takeKeys = database.statement(USER_LOOKUPS.takeKeys)
  const takeSessions = database.statement(USER_LOOKUPS.takeSessions)
  const removeStats = database.statement(USER_LOOKUPS.removeStats)
  const remove = database.statement(USER_LOOKUPS.remove)
  return (id, event) =>
    database.change(() => {
      const row = requireRow(id)
      const endedTokens = [...takeKeys.all(id), ...takeSessions.all(id)].map(onlyFingerprint)
      removeStats.run(id)
      remove.run(column<number>(row, SEQ))
      writeAudit(event)
      const user: User = userFromRow(row)
      return { user, endedTokens }
    })
}

function prepareRemoveAll(database: SqliteDatabase, writeAudit: WriteAudit): UserStore['removeAll'] {
  const count = database.statement('SELECT count(*) FROM users')
  const allTokens = database.statement(ALL_TOKENS)
  const empty = TABLES_OF_USERS.map((table) => database.statement(`DELETE FROM ${table}`))
  return (event) =>
    database.change(() => {
      const removed = Number(count.get()?.[0])
      const endedTokens = allTokens.all().map(onlyFingerprint)
      for (const statement of empty) statement.run()
      writeAudit(event)
      return { count: removed, endedTokens }
    })
}

function onlyFingerprint(row: Row): Fingerprint {
  return fingerprintOfBytes(row[0])
}
