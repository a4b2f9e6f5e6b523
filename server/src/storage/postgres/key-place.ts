import type { KeyId } from '../../core/ids.ts'
import { type SqlText, sql } from '../../query/sql/sql-text.ts'
import { text } from './column.ts'
import { violatedUnique } from './postgres-error.ts'

/*
 * Where keys are. The table `keys` may be split into partitions by owner; see `partition-keys.ts`. What looks for a key by
 * something else has PostgreSQL learn its owner first, by functions that are parts of the schema (`key_place_by_...`): so it
 * reads one partition, and plans for one. Where the table is whole, they are looks into its indexes and cost nothing.
 */

/** Condition on `keys`: it is the key of that id. */
export function hasId(id: KeyId): SqlText {
  return sql`keys.id = ${text(id)} AND key_place_by_id(keys.owner, ${text(id)})`
}

/** True when two keys would have one id. */
export function isIdTaken(error: unknown): boolean {
  return ID_CONSTRAINT.test(violatedUnique(error) ?? '')
}

/** True when one secret would lead to two keys. */
export function isFingerprintTaken(error: unknown): boolean {
  return FINGERPRINT_CONSTRAINT.test(violatedUnique(error) ?? '')
}

/** Of the whole table, of a partition, and of a partition of the table beside it. */
const ID_CONSTRAINT = /^(?:keys_id_key|keys_p\d+_owner_id_key|key_ids_p\d+_pkey)$/
const FINGERPRINT_CONSTRAINT =
  /^(?:keys_fingerprint_key|keys_p\d+_owner_fingerprint_key|key_fingerprints_p\d+_pkey)$/
