import type { Credentials } from '../../core/access/credentials.ts'
import type { UserId } from '../../core/ids.ts'
import type { UserStore } from '../../core/ports/user-store.ts'
import {
  credentialsAlreadyExist,
  credentialsNotFound,
  credentialsOrphaned,
  usernameTaken,
} from '../refusals.ts'
import type { WriteAudit } from './audit-store.ts'
import { CREDENTIALS_COLUMNS, credentialsFromRow } from './credentials-row.ts'
import type { SqliteDatabase } from './database.ts'
import type { RequireOwner } from './owners.ts'
import { searchCredentials } from './search.ts'

/** SQL of the look-ups of credentials, for the test that asks SQLite how it answers them. */
export const CREDENTIALS_LOOKUPS = {
  byOwner: `SELECT ${CREDENTIALS_COLUMNS} FROM credentials WHERE owner = ?`,
  byUsername: `SELECT ${CREDENTIALS_COLUMNS} FROM credentials WHERE username = ?`,
  update: 'UPDATE credentials SET username = ?, password_hash = ? WHERE owner = ?',
  replaceHash: 'UPDATE credentials SET password_hash = ? WHERE owner = ? AND password_hash = ?',
  remove: 'DELETE FROM credentials WHERE owner = ?',
} as const

const INSERT = `INSERT INTO credentials (${CREDENTIALS_COLUMNS}) VALUES (?, ?, ?)`

/** The part of `UserStore` that is about credentials. */
export type CredentialsPart = Pick<
  UserStore,
  | 'createCredentials'
  | 'updateCredentials'
  | 'replacePasswordHash'
  | 'removeCredentials'
  | 'findCredentials'
  | 'findCredentialsByUsername'
  | 'searchCredentials'
>

/** Stores, inside a change, the credentials of a user that was stored just before. */
type InsertNewUsersCredentials = (credentials: readonly Credentials[]) => void

/** Credentials in SQLite. */
export function createCredentialsPart(
  database: SqliteDatabase,
  writeAudit: WriteAudit,
  requireOwner: RequireOwner,
): CredentialsPart & { readonly insertNewUsersCredentials: InsertNewUsersCredentials } {
  const byOwner = database.statement(CREDENTIALS_LOOKUPS.byOwner)
  const byUsername = database.statement(CREDENTIALS_LOOKUPS.byUsername)
  const update = database.statement(CREDENTIALS_LOOKUPS.update)
  const replaceHash = database.statement(CREDENTIALS_LOOKUPS.replaceHash)
  const remove = database.statement(CREDENTIALS_LOOKUPS.remove)
  const insert = database.statement(INSERT)

  function requireFreeUsername(owner: UserId, username: string): void {
    const row = byUsername.get(username)
    if (row !== undefined && credentialsFromRow(row).owner !== owner) throw usernameTaken(username)
  }

  function insertNow(credentials: Credentials): void {
    requireFreeUsername(credentials.owner, credentials.username)
    insert.run(credentials.owner, credentials.username, credentials.passwordHash)
  }

  return {
    insertNewUsersCredentials(all) {
      for (const credentials of all) {
        if (byOwner.get(credentials.owner) !== undefined) throw credentialsOrphaned(credentials.owner)
        insertNow(credentials)
      }
    },
    createCredentials(credentials, event) {
      return database.change(() => {
        requireOwner(credentials.owner)
        if (byOwner.get(credentials.owner) !== undefined) throw credentialsAlreadyExist(credentials.owner)
        insertNow(credentials)
        writeAudit(event)
      })
    },
    updateCredentials(owner, change, event) {
      return database.change(() => {
        const row = byOwner.get(owner)
        if (row === undefined) throw credentialsNotFound(owner)
        const next = { ...credentialsFromRow(row), ...change }
        requireFreeUsername(owner, next.username)
        update.run(next.username, next.passwordHash, owner)
        writeAudit(event)
        return next
      })
    },
    replacePasswordHash(owner, oldHash, newHash) {
      return database.change(() => {
        replaceHash.run(newHash, owner, oldHash)
      })
    },
    removeCredentials(owner, event) {
      return database.change(() => {
        if (remove.run(owner) === 0) throw credentialsNotFound(owner)
        writeAudit(event)
      })
    },
    async findCredentials(owner) {
      const row = database.read(() => byOwner.get(owner))
      return row && credentialsFromRow(row)
    },
    async findCredentialsByUsername(username) {
      const row = database.read(() => byUsername.get(username))
      return row && credentialsFromRow(row)
    },
    searchCredentials: (search) => searchCredentials(database, search),
  }
}
