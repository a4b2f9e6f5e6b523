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
import type { RevokedKeys } from './revoked-keys.ts'
import { searchUsers } from './search.ts'
import { USER_COLUMNS, userFromRow } from './user-row.ts'
import type { UserWriter } from './user-writer.ts'

/** SQL of this store's look-ups, for the test that asks SQLite how it answers them. */
export const USER_LOOKUPS = {
  byId: `SELECT ${USER_COLUMNS}, seq FROM users WHERE id = ?`,
  withProfile: 'SELECT 1 FROM user_profile WHERE profile_id = ? LIMIT 1',
  takeSessions: 'DELETE FROM sessions WHERE owner = ? RETURNING fingerprint',
  removeStats: 'DELETE FROM owner_stats WHERE owner = ?',
  removeLimits: 'DELETE FROM owner_limits WHERE owner = ?',
  // Credentials and the index of profiles go with it: ON DELETE CASCADE.
  remove: 'DELETE FROM users WHERE seq = ?',
} as const

/** Position of `seq` in the rows of `byId`: behind the columns of a user. */
const SEQ = USER_COLUMNS.split(',').length

const ALL_SESSIONS = 'SELECT fingerprint FROM sessions'
const TABLES_OF_USERS = [
  'owner_limits',
  'owner_stats',
  'sessions',
  'credentials',
  'user_profile',
  'users',
] as const

/** What the user store shares with those of the same database. */
export type UserStoreNeeds = {
  readonly writeAudit: WriteAudit
  readonly requireOwner: RequireOwner
  readonly userWriter: UserWriter
  readonly revoked: RevokedKeys
}

/** Users and their credentials in SQLite. */
export function createUserStore(
  database: SqliteDatabase,
  { writeAudit, requireOwner, userWriter: writer, revoked }: UserStoreNeeds,
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
    remove: prepareRemove(database, { writeAudit, revoked, userWriter: writer, requireRow }),
    removeAll: prepareRemoveAll(database, { writeAudit, revoked, userWriter: writer }),
    async existsWithProfile(profileId) {
      return database.read(() => isHeld(profileId))
    },
    search: (search) => searchUsers(database, search),
  }
  return { ...users, ...credentialsPart }
}

type RemovalNeeds = Omit<UserStoreNeeds, 'requireOwner'>

function prepareRemove(
  database: SqliteDatabase,
  {
    writeAudit,
    revoked,
    userWriter,
    requireRow,
  }: RemovalNeeds & { readonly requireRow: (id: UserId) => Row },
): UserStore['remove'] {
  const takeSessions = database.statement(USER_LOOKUPS.takeSessions)
  const removeStats = database.statement(USER_LOOKUPS.removeStats)
  const removeLimits = database.statement(USER_LOOKUPS.removeLimits)
  const remove = database.statement(USER_LOOKUPS.remove)
  return (id, event) =>
    database.change(() => {
      const row = requireRow(id)
      const endedTokens = [...revoked.addOwners(id, event), ...takeSessions.all(id).map(onlyFingerprint)]
      removeStats.run(id)
      removeLimits.run(id)
      remove.run(column<number>(row, SEQ))
      userWriter.removed()
      writeAudit(event)
      const user: User = userFromRow(row)
      return { user, endedTokens }
    })
}

function prepareRemoveAll(
  database: SqliteDatabase,
  { writeAudit, revoked, userWriter }: RemovalNeeds,
): UserStore['removeAll'] {
  const count = database.statement('SELECT count(*) FROM users')
  const allSessions = database.statement(ALL_SESSIONS)
  const empty = TABLES_OF_USERS.map((table) => database.statement(`DELETE FROM ${table}`))
  return (event) =>
    database.change(() => {
      const removed = Number(count.get()?.[0])
      const endedTokens = [...revoked.addAll(event), ...allSessions.all().map(onlyFingerprint)]
      for (const statement of empty) statement.run()
      userWriter.removed()
      writeAudit(event)
      return { count: removed, endedTokens }
    })
}

function onlyFingerprint(row: Row): Fingerprint {
  return fingerprintOfBytes(row[0])
}
