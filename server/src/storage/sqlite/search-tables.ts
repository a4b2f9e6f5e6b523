import type { Credentials } from '../../core/access/credentials.ts'
import type { Profile } from '../../core/access/profile.ts'
import type { Role } from '../../core/access/role.ts'
import type { User } from '../../core/access/user.ts'
import type { ApiKey } from '../../core/keys/api-key.ts'
import { SEARCHABLE_FIELDS } from '../../query/fields.ts'
import type { Mapping } from '../../query/mapping.ts'
import type { Column, Columns } from '../../query/sql/dialect.ts'
import { type SqlText, sql } from '../../query/sql/sql-text.ts'
import {
  credentialsDocument,
  keyDocument,
  profileDocument,
  roleDocument,
  type SearchDocument,
  userDocument,
} from '../documents.ts'
import { CREDENTIALS_COLUMNS, credentialsFromRow } from './credentials-row.ts'
import type { Row } from './database.ts'
import { KEY_COLUMNS, KEY_LAST_USE, keyFromRow } from './key-row.ts'
import { PROFILE_COLUMNS, profileFromRow } from './profile-row.ts'
import { ROLE_COLUMNS, roleFromRow } from './role-row.ts'
import { USER_COLUMNS, userFromRow } from './user-row.ts'

/** A table that can be searched. Its `seq` is the order of creation. */
export type SearchTable<T> = {
  readonly name: string
  /** What `fromRow` reads. */
  readonly select: string
  readonly fromRow: (row: Row) => T
  readonly documentOf: (record: T) => SearchDocument
  readonly mapping: Mapping
  /** How fields are stored, for conditions in SQL. */
  readonly columns: Columns
}

function term(expression: SqlText): Column {
  return { kind: 'term', expression, nullable: false, selective: false }
}

/** A column of its own UNIQUE index. */
function uniqueTerm(expression: SqlText): Column {
  return { kind: 'term', expression, nullable: false, selective: true }
}

const RECORD: readonly (readonly [string, Column])[] = [
  ['_kuzzle_info.author', term(sql`created_by`)],
  ['_kuzzle_info.createdAt', { kind: 'number', expression: sql`created_at`, nullable: false }],
  ['_kuzzle_info.updater', { kind: 'term', expression: sql`updated_by`, nullable: true, selective: false }],
  ['_kuzzle_info.updatedAt', { kind: 'number', expression: sql`updated_at`, nullable: true }],
]

const FINGERPRINT: Column = {
  kind: 'encodedTerm',
  equals: (text) => (WHOLE_FINGERPRINT.test(text) ? sql`fingerprint = ${hexBytes(text)}` : undefined),
  startsWith: (prefix) => (HEX.test(prefix) ? fingerprintsFrom(prefix) : undefined),
  // Four digits leave one of 65,536.
  selectiveFrom: 4,
  stored: { expression: sql`lower(hex(fingerprint))` },
}

const WHOLE_FINGERPRINT = /^[0-9a-f]{64}$/
const HEX = /^[0-9a-f]{1,64}$/

/** All fingerprints that start with some hex digits. */
function fingerprintsFrom(prefix: string): SqlText {
  const from = sql`fingerprint >= ${hexBytes(prefix.padEnd(prefix.length + (prefix.length % 2), '0'))}`
  const next = (BigInt(`0x${prefix}`) + 1n).toString(16).padStart(prefix.length, '0')
  if (next.length > prefix.length) return from
  return sql`(${from} AND fingerprint < ${hexBytes(next.padEnd(next.length + (next.length % 2), '0'))})`
}

function hexBytes(hex: string): Uint8Array {
  return Buffer.from(hex, 'hex')
}

/** Kept as a number; only what that number prints as can be equal to it. */
const TTL: Column = {
  kind: 'encodedTerm',
  equals: (text) => {
    if (text === '-1') return sql`ttl_ms IS NULL`
    const number = Number(text)
    return String(number) === text ? sql`ttl_ms = ${number}` : undefined
  },
  stored: { expression: sql`ttl_ms`, termOf: (stored) => String(stored ?? -1) },
}

const SCOPES: Column = {
  kind: 'encodedTerm',
  exists: sql`coalesce(json_array_length(policy, '$.scopes') > 0, FALSE)`,
  equals: (scope) => sql`EXISTS (SELECT 1 FROM json_each(policy, '$.scopes') WHERE value = ${scope})`,
}

/** API keys. */
export const KEYS: SearchTable<ApiKey> = {
  name: 'keys',
  select: KEY_COLUMNS,
  fromRow: keyFromRow,
  documentOf: keyDocument,
  mapping: SEARCHABLE_FIELDS['api-keys'],
  columns: new Map<string, Column>([
    ...RECORD,
    ['_id', uniqueTerm(sql`id`)],
    ['userId', term(sql`owner`)],
    ['description', { kind: 'present' }],
    ['expiresAt', { kind: 'number', expression: sql`coalesce(expires_at, -1)`, nullable: false }],
    ['ttl', TTL],
    ['fingerprint', FINGERPRINT],
    ['hash', FINGERPRINT],
    ['enabled', { kind: 'number', expression: sql`(disabled_at IS NULL)`, nullable: false }],
    ['scopes', SCOPES],
    ['lastUsedAt', { kind: 'number', expression: KEY_LAST_USE, nullable: true }],
    // Tokens are never stored.
    ['token', { kind: 'absent' }],
  ]),
}

/** Users; what they hold besides their profiles is only looked at in documents. */
export const USERS: SearchTable<User> = {
  name: 'users',
  select: USER_COLUMNS,
  fromRow: userFromRow,
  documentOf: userDocument,
  mapping: SEARCHABLE_FIELDS.users,
  columns: new Map<string, Column>([
    ...RECORD,
    ['_id', uniqueTerm(sql`id`)],
    [
      'profileIds',
      {
        kind: 'encodedTerm',
        exists: sql`seq IN (SELECT user_seq FROM user_profile)`,
        equals: (id) => sql`seq IN (SELECT user_seq FROM user_profile WHERE profile_id = ${id})`,
      },
    ],
  ]),
}

/** Profiles. */
export const PROFILES: SearchTable<Profile> = {
  name: 'profiles',
  select: PROFILE_COLUMNS,
  fromRow: profileFromRow,
  documentOf: profileDocument,
  mapping: SEARCHABLE_FIELDS.profiles,
  columns: new Map<string, Column>([...RECORD, ['_id', uniqueTerm(sql`id`)]]),
}

/** Roles. */
export const ROLES: SearchTable<Role> = {
  name: 'roles',
  select: ROLE_COLUMNS,
  fromRow: roleFromRow,
  documentOf: roleDocument,
  mapping: SEARCHABLE_FIELDS.roles,
  columns: new Map<string, Column>([...RECORD, ['_id', uniqueTerm(sql`id`)]]),
}

/** Credentials, by username and owner. */
export const CREDENTIALS: SearchTable<Credentials> = {
  name: 'credentials',
  select: CREDENTIALS_COLUMNS,
  fromRow: credentialsFromRow,
  documentOf: credentialsDocument,
  mapping: SEARCHABLE_FIELDS.credentials,
  columns: new Map<string, Column>([
    ['_id', uniqueTerm(sql`owner`)],
    ['username', uniqueTerm(sql`username`)],
    ['kuid', uniqueTerm(sql`owner`)],
  ]),
}
