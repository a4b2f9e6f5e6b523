import { isDeepStrictEqual } from 'node:util'
import type { ApiKey, PreviousSecret } from '../../core/keys/api-key.ts'
import { replaceSecret } from '../../core/keys/replace-secret.ts'
import type { KeyStore, NewSecret } from '../../core/ports/key-store.ts'
import type { Instant } from '../../core/record.ts'
import { type SqlText, sql } from '../../query/sql/sql-text.ts'
import { keyIdTaken } from '../refusals.ts'
import { newTellingRow, noteChanges } from './change.ts'
import { bytes, listSql, number, text } from './column.ts'
import { replan } from './credit-statements.ts'
import { lockBudget } from './credits-store.ts'
import type { KeyParts } from './key-parts.ts'
import { hasId, isFingerprintTaken } from './key-place.ts'
import { fingerprintsOf, KEY_COLUMNS, keyFromRow } from './key-row.ts'
import {
  insertKey,
  lockKey,
  refusingTakenIds,
  replaceKey,
  requireStored,
  type StoredKey,
} from './key-writer.ts'

import {
  COUNT_GONE,
  keysGoneIn,
  lastRevoked,
  rememberGone,
  storedRevokedKeyFromRow,
  tellGone,
} from './revoked-keys.ts'
import type { Transaction } from './transaction.ts'

type LifeCyclePart = Pick<KeyStore, 'update' | 'rotate' | 'revoke' | 'restore' | 'findRevoked'>

/** What happens to keys between their creation and their end, in PostgreSQL. */
export function createKeyLifeCycleStore({ database, audit, leases }: KeyParts): LifeCyclePart {
  return {
    update(id, change, event) {
      const update = () =>
        database.change(async (transaction) => {
          const stored = await lockKey(transaction, id)
          if (stored === undefined) return undefined
          const next = keepingIdentity(change(stored.key), stored.key)
          if (!isDeepStrictEqual(stored.key.policy?.credits, next.policy?.credits)) {
            const before = await lockBudget(transaction, leases, { id, uid: stored.uid }, event.at)
            transaction.later(replan(stored.uid, before, next.policy?.credits, event.at))
          }
          transaction.later(replaceKey(stored, next))
          noteChanges(transaction, [{ kind: 'keys', fingerprints: fingerprintsOf(next) }])
          transaction.later(audit.insert(event))
          return next
        })
      return leases.withoutLeases(update)
    },
    rotate(id, to, event) {
      return database.change(async (transaction) => {
        const stored = await lockKey(transaction, id)
        if (stored === undefined || stored.key.fingerprint !== to.replaces) return undefined
        const next = rotate(transaction, stored, to, event.at)
        noteChanges(transaction, [
          { kind: 'keys', fingerprints: [...fingerprintsOf(stored.key), next.fingerprint] },
        ])
        transaction.later(audit.insert(event))
        return next
      })
    },
    async revoke(id, { owner, revocation }, event) {
      const isOwners = owner === undefined ? sql`TRUE` : sql`owner = ${text(owner)}`
      const row = newTellingRow(database)
      const { rows } = await database.changeBy(
        sql`WITH gone AS (
          DELETE FROM keys WHERE ${hasId(id)} AND ${isOwners} RETURNING *
        ), remembered AS (${rememberGone(revocation)}), counted AS (${COUNT_GONE}),
        audited AS (${audit.insertFor(event, sql`gone`)}), told AS (${tellGone(row)})
        SELECT ${KEY_COLUMNS} FROM gone`,
        { uid: row.uid, changesOf: keysGoneIn },
      )
      return rows[0] && keyFromRow(rows[0])
    },
    restore(id, { revokedSince, perOwnerMax }, event) {
      const restoration = database.change(async (transaction) => {
        const row = await transaction.first(sql`${lastRevoked(id)} FOR UPDATE`)
        const last = row && storedRevokedKeyFromRow(row)
        if (last === undefined || last.revocation.at < revokedSince) return undefined
        const insertion = { key: last.key, uid: last.uid, perOwnerMax }
        requireStored({ rows: await transaction.all(insertKey(audit, insertion)) }, insertion)
        transaction.later(sql`DELETE FROM revoked_keys WHERE key_uid = ${last.uid}::uuid`)
        noteChanges(transaction, [{ kind: 'keys', fingerprints: fingerprintsOf(last.key) }])
        transaction.later(audit.insert(event))
        return last.key
      })
      // Its secret may have been issued once more, under another id: only one key can have it.
      const refused = restoration.catch((error: unknown) => {
        throw isFingerprintTaken(error) ? keyIdTaken(id) : error
      })
      return refusingTakenIds(id, refused)
    },
    async findRevoked(id) {
      const row = await database.first(lastRevoked(id))
      if (row === undefined) return undefined
      const { key, revocation } = storedRevokedKeyFromRow(row)
      return { key, revocation }
    },
  }
}

/** What a change may not touch stays as it was. */
function keepingIdentity(next: ApiKey, old: ApiKey): ApiKey {
  const { previous: _previous, goodFrom: _goodFrom, lastUsedAt: _lastUsedAt, ...rest } = next
  const { id, owner, fingerprint, previous, goodFrom, lastUsedAt } = old
  return {
    ...rest,
    id,
    owner,
    fingerprint,
    ...(goodFrom !== undefined && { goodFrom }),
    ...(previous !== undefined && { previous }),
    ...(lastUsedAt !== undefined && { lastUsedAt }),
  }
}

/** @throws {DomainError} `key.rotating` */
function rotate(transaction: Transaction, stored: StoredKey, to: NewSecret, now: Instant): ApiKey {
  const next = replaceSecret(stored.key, to, now)
  const kept = next.previous ?? []
  transaction.later(forgetSecrets(stored.uid, kept))
  if (kept.length > 0) transaction.later(keepSecrets(stored, kept))
  transaction.later(replaceKey(stored, next))
  return next
}

/** Forgets the earlier secrets that are not kept. */
function forgetSecrets(uid: string, kept: readonly PreviousSecret[]): SqlText {
  const others = kept.map(({ fingerprint }) => sql` AND fingerprint <> ${bytes(fingerprint)}`)
  return others.reduce(
    (so, far) => sql`${so}${far}`,
    sql`DELETE FROM previous_secrets WHERE key_uid = ${uid}::uuid`,
  )
}

/** Writes when earlier secrets end, among them the newest one of before. */
function keepSecrets({ key, uid }: StoredKey, kept: readonly PreviousSecret[]): SqlText {
  const rows = kept.map(
    ({ fingerprint, goodUntil }) =>
      sql`(${bytes(fingerprint)}, ${uid}::uuid, ${number(key.goodFrom)}, ${number(goodUntil)})`,
  )
  return sql`INSERT INTO previous_secrets (fingerprint, key_uid, good_from, good_until) VALUES ${listSql(rows)}
    ON CONFLICT (fingerprint) DO UPDATE SET good_until = excluded.good_until`
}
