import type { Credentials } from '../../core/access/credentials.ts'
import type { UserId } from '../../core/ids.ts'
import type { UserStore } from '../../core/ports/user-store.ts'
import { sql } from '../../query/sql/sql-text.ts'
import {
  credentialsAlreadyExist,
  credentialsNotFound,
  credentialsOrphaned,
  usernameTaken,
} from '../refusals.ts'
import type { AuditWriter } from './audit-store.ts'
import { text } from './column.ts'
import { CREDENTIALS_COLUMNS, credentialsFromRow } from './credentials-row.ts'
import type { PostgresDatabase } from './database.ts'
import { requireOwner } from './owners.ts'
import { violatedUnique } from './postgres-error.ts'
import { searchCredentials } from './search.ts'
import type { Transaction } from './transaction.ts'

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

/** Credentials in PostgreSQL. */
export function createCredentialsPart(database: PostgresDatabase, audit: AuditWriter): CredentialsPart {
  return {
    createCredentials(credentials, event) {
      return database.change(async (transaction) => {
        await requireOwner(transaction, credentials.owner)
        await insert(transaction, credentials, credentialsAlreadyExist)
        transaction.later(audit.insert(event))
      })
    },
    updateCredentials(owner, change, event) {
      return database.change(async (transaction) => {
        const row = await transaction.first(sql`${byOwner(owner)} FOR UPDATE`)
        if (row === undefined) throw credentialsNotFound(owner)
        const next = { ...credentialsFromRow(row), ...change }
        await refusingTakenNames(next, credentialsAlreadyExist, () =>
          transaction.run(sql`UPDATE credentials SET username = ${text(next.username)},
            password_hash = ${text(next.passwordHash)} WHERE owner = ${text(owner)}`),
        )
        transaction.later(audit.insert(event))
        return next
      })
    },
    async replacePasswordHash(owner, oldHash, newHash) {
      await database.changeBy(sql`UPDATE credentials SET password_hash = ${text(newHash)}
        WHERE owner = ${text(owner)} AND password_hash = ${text(oldHash)}`)
    },
    async removeCredentials(owner, event) {
      const { rows } = await database.changeBy(sql`WITH gone AS (
          DELETE FROM credentials WHERE owner = ${text(owner)} RETURNING 1
        ), audited AS (${audit.insertFor(event, sql`gone`)})
        SELECT 1 FROM gone`)
      if (rows.length === 0) throw credentialsNotFound(owner)
    },
    async findCredentials(owner) {
      const row = await database.first(byOwner(owner))
      return row && credentialsFromRow(row)
    },
    async findCredentialsByUsername(username) {
      const row = await database.first(
        sql`SELECT ${CREDENTIALS_COLUMNS} FROM credentials WHERE username = ${text(username)}`,
      )
      return row && credentialsFromRow(row)
    },
    searchCredentials: (search) => searchCredentials(database, search),
  }
}

/** Stores, inside a change, the credentials of a user that was stored just before. */
export async function insertNewUsersCredentials(
  transaction: Transaction,
  all: readonly Credentials[],
): Promise<void> {
  for (const credentials of all) await insert(transaction, credentials, credentialsOrphaned)
}

function byOwner(owner: UserId) {
  return sql`SELECT ${CREDENTIALS_COLUMNS} FROM credentials WHERE owner = ${text(owner)}`
}

type Refuse = (owner: UserId) => Error

function insert(transaction: Transaction, credentials: Credentials, refuse: Refuse): Promise<void> {
  const { owner, username, passwordHash } = credentials
  return refusingTakenNames(credentials, refuse, () =>
    transaction.run(sql`INSERT INTO credentials (${CREDENTIALS_COLUMNS})
      VALUES (${text(owner)}, ${text(username)}, ${text(passwordHash)})`),
  )
}

/** Others may take a name at the same moment: PostgreSQL lets one of them have it, and tells the others. */
async function refusingTakenNames(
  { owner, username }: Credentials,
  refuse: Refuse,
  write: () => Promise<unknown>,
): Promise<void> {
  try {
    await write()
  } catch (error) {
    const constraint = violatedUnique(error)
    if (constraint === 'credentials_pkey') throw refuse(owner)
    if (constraint === 'credentials_username_key') throw usernameTaken(username)
    throw error
  }
}
