/** How both stores' values of a column become one that can be compared: hexadecimal digits, or 0 and 1. */
type ColumnType = 'text' | 'number' | 'bytes' | 'truth' | 'uid'

export type MoveColumn = readonly [name: string, type: ColumnType]

/** What the rows of all stores have in common, under names that no store has to share. */
export type MoveTable = {
  readonly name: MoveTableName
  readonly columns: readonly MoveColumn[]
  /** So many of the first columns say which row it is. Rows are read in their order. */
  readonly keyLength: number
  /** Rows are never changed or removed, only added. */
  readonly isAppendOnly?: boolean
  /** Rows also have an order of their own within each owner, which moves along. */
  readonly isListed?: boolean
}

/** A row: its columns in the order of the table's. */
export type MoveRow = readonly (string | number | null)[]

const RECORD: readonly MoveColumn[] = [
  ['created_by', 'text'],
  ['created_at', 'number'],
  ['updated_by', 'text'],
  ['updated_at', 'number'],
]

const KEY: readonly MoveColumn[] = [
  ['uid', 'uid'],
  ['fingerprint', 'bytes'],
  ['id', 'text'],
  ['owner', 'text'],
  ['description', 'text'],
  ['ttl_ms', 'number'],
  ['expires_at', 'number'],
  ...RECORD,
  ['family', 'text'],
  ['keyspace', 'text'],
  ['hint', 'text'],
  ['disabled_at', 'number'],
  ['disabled_by', 'text'],
  ['disabled_reason', 'text'],
  ['policy', 'text'],
  ['metadata', 'text'],
  ['good_from', 'number'],
  ['previous', 'text'],
  ['last_used_at', 'number'],
  ['knox', 'text'],
  ['idle_timeout_ms', 'number'],
]

const REVOCATION: readonly MoveColumn[] = [
  ['revoked_at', 'number'],
  ['revoked_by', 'text'],
  ['reason', 'text'],
  ['comment', 'text'],
]

const AUDIT: readonly MoveColumn[] = [
  ['sequence', 'number'],
  ['at', 'number'],
  ['action', 'text'],
  ['outcome', 'text'],
  ['actor', 'text'],
  ['actor_key', 'text'],
  ['subject', 'text'],
  ['reason', 'text'],
  ['address', 'text'],
  ['carrier', 'text'],
  ['request_id', 'text'],
  ['local', 'truth'],
  ['details', 'text'],
]

const texts = (...names: readonly string[]): readonly MoveColumn[] => names.map((name) => [name, 'text'])
const numbers = (...names: readonly string[]): readonly MoveColumn[] => names.map((name) => [name, 'number'])

/**
 * Everything that moves, what others refer to first. Left behind is what stores work out anew (word indexes, counts of
 * owners), and what lives for a moment only: results of searches, uses counted against rate limits, what nodes tell each
 * other.
 */
export const MOVE_TABLES = [
  { name: 'config', columns: texts('name', 'value'), keyLength: 1 },
  { name: 'access_revision', columns: numbers('one', 'value'), keyLength: 1 },
  {
    name: 'roles',
    columns: [...texts('id', 'controllers', 'tags', 'content'), ...RECORD, ...numbers('revision', 'seq')],
    keyLength: 1,
  },
  {
    name: 'profiles',
    columns: [
      ...texts('id', 'policies'),
      ...numbers('rate_limit'),
      ...texts('tags', 'content'),
      ...RECORD,
      ...numbers('revision', 'seq'),
    ],
    keyLength: 1,
  },
  { name: 'profile_role', columns: texts('role_id', 'profile_id'), keyLength: 2 },
  {
    name: 'users',
    columns: [...texts('id', 'profile_ids', 'content'), ...RECORD, ...numbers('seq')],
    keyLength: 1,
  },
  { name: 'user_profile', columns: texts('profile_id', 'user_id'), keyLength: 2 },
  {
    name: 'credentials',
    columns: [...texts('owner', 'username', 'password_hash'), ...numbers('seq')],
    keyLength: 1,
  },
  { name: 'owner_limits', columns: texts('owner', 'limits'), keyLength: 1 },
  { name: 'keys', columns: KEY, keyLength: 1, isListed: true },
  { name: 'revoked_keys', columns: [...KEY, ...REVOCATION], keyLength: 1, isListed: true },
  {
    name: 'previous_secrets',
    columns: [
      ['key_uid', 'uid'],
      ['good_until', 'number'],
      ['fingerprint', 'bytes'],
      ['good_from', 'number'],
    ],
    keyLength: 3,
  },
  {
    name: 'key_credits',
    columns: [['key_uid', 'uid'], ...numbers('remaining', 'refilled_at')],
    keyLength: 1,
  },
  {
    name: 'key_usage',
    columns: [['key_uid', 'uid'], ...numbers('day', 'accepted', 'refused')],
    keyLength: 2,
  },
  {
    name: 'legacy_macs',
    columns: [
      ['key_uid', 'uid'],
      ['stand_in', 'bytes'],
      ...texts('hash_key', 'algorithm', 'mac'),
      ...numbers('issue_time'),
      ...texts('user_name'),
    ],
    keyLength: 1,
  },
  { name: 'imported_keys', columns: texts('id'), keyLength: 1 },
  {
    name: 'sessions',
    columns: [
      ['fingerprint', 'bytes'],
      ...texts('owner'),
      ...numbers('ttl_ms', 'expires_at'),
      ['single_use', 'truth'],
      ['refreshed', 'truth'],
      ...numbers('created_at'),
    ],
    keyLength: 1,
  },
  {
    name: 'idempotency',
    columns: [
      ...texts('caller', 'key', 'request_digest', 'resource'),
      ...numbers('reserved_at', 'kept_until'),
    ],
    keyLength: 2,
  },
  { name: 'audit_events', columns: AUDIT, keyLength: 1, isAppendOnly: true },
] as const satisfies readonly (Omit<MoveTable, 'name'> & { readonly name: string })[]

export type MoveTableName = (typeof MOVE_TABLES)[number]['name']

/** Order of two rows of a table by what says which row they are: texts by their bytes, as both stores order them. */
export function compareRows({ keyLength }: MoveTable, one: MoveRow, other: MoveRow): number {
  for (let at = 0; at < keyLength; at += 1) {
    const order = compareValues(one[at] ?? null, other[at] ?? null)
    if (order !== 0) return order
  }
  return 0
}

function compareValues(one: string | number | null, other: string | number | null): number {
  if (typeof one === 'number' && typeof other === 'number') return one - other
  return one === other ? 0 : Buffer.compare(Buffer.from(String(one)), Buffer.from(String(other)))
}
