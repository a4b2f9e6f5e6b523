import type { KeyId, UserId } from '../../core/ids.ts'
import type { PreviousSecret } from '../../core/keys/api-key.ts'
import type { Fingerprint } from '../../core/keys/fingerprint.ts'
import type {
  ImportedKey,
  ImportOutcome,
  LegacyKeyStore,
  LegacyProof,
  LegacySecret,
} from '../../core/ports/legacy-key-store.ts'
import { type SqlText, sql } from '../../query/sql/sql-text.ts'
import { noteChanges } from './change.ts'
import { bytes, column, fingerprintOfBytes, json, number, text } from './column.ts'
import type { Row } from './connection.ts'
import type { KeyMemory } from './key-memory.ts'
import type { KeyParts } from './key-parts.ts'
import { hasId } from './key-place.ts'
import { fingerprintsOf } from './key-row.ts'
import { insertKey, lockKey, requireStored, type StoredKey } from './key-writer.ts'
import type { Transaction } from './transaction.ts'

const PROOF = sql`hash_key, algorithm, mac, issue_time, user_name`

/** Advisory lock of imports, which happen one after another ("LKIM" in ASCII). */
const IMPORT_LOCK = 0x4c4b494d

/** Keys that were issued elsewhere, in PostgreSQL. */
export function createLegacyKeyStore(parts: KeyParts, memory: KeyMemory): LegacyKeyStore {
  const { database, audit } = parts
  return {
    importKeys(keys) {
      return database.change(async (transaction) => {
        await transaction.run(sql`SELECT pg_advisory_xact_lock(${IMPORT_LOCK}::bigint)`)
        const outcomes: ImportOutcome[] = []
        for (const imported of keys) outcomes.push(await store(transaction, parts, imported))
        return outcomes
      })
    },
    async findOutcomes(keys) {
      const outcomes: ImportOutcome[] = []
      for (const imported of keys) {
        outcomes.push(lookIn(await database.first(lookFor(imported.key.id)), imported).outcome)
      }
      return outcomes
    },
    async find(id) {
      const row = await database.first(sql`SELECT owner, stand_in, ${PROOF} FROM keys
        JOIN legacy_macs ON legacy_macs.key_uid = keys.uid WHERE ${hasId(id)}`)
      if (row === undefined) {
        // Somebody else may have adopted it: what is remembered to lead to nothing may lead to a key since.
        memory.forgetEnded()
        return undefined
      }
      const standIn = fingerprintOfBytes(row[1])
      return { id, owner: column<UserId>(row, 0), standIn, ...proofOf(row.slice(2)) }
    },
    adopt({ id, standIn }, fingerprint, event) {
      return database.change(async (transaction) => {
        const stored = await lockKey(transaction, id)
        if (stored === undefined) return false
        const { key, uid } = stored
        const removed = await transaction.run(sql`DELETE FROM legacy_macs
          WHERE key_uid = ${uid}::uuid AND stand_in = ${bytes(standIn)}`)
        if (removed === 0) return false
        if (key.fingerprint === standIn) transaction.later(setNewest(stored, fingerprint))
        else if (!isEarlier(key.previous, standIn)) return false
        else setEarlier(transaction, stored, standIn, fingerprint)
        noteChanges(transaction, [
          { kind: 'keys', fingerprints: [...fingerprintsOf(key), standIn, fingerprint] },
        ])
        transaction.later(audit.insert(event))
        return true
      })
    },
  }
}

/** What would become of a key, and which one is there already. */
type Look = { readonly outcome: ImportOutcome; readonly uid?: string }

/** One row: the uid of a key of that id, its proof, and whether the id was imported before. */
function lookFor(id: KeyId): SqlText {
  return sql`SELECT uid, legacy_macs.key_uid IS NOT NULL, ${PROOF}, imported.id IS NOT NULL
    FROM (SELECT ${text(id)} AS id) AS wanted
    LEFT JOIN key_ids AS whose ON whose.id = wanted.id
    LEFT JOIN keys ON keys.owner = whose.owner AND keys.id = whose.id
    LEFT JOIN legacy_macs ON legacy_macs.key_uid = keys.uid
    LEFT JOIN imported_keys AS imported ON imported.id = wanted.id`
}

function lookIn(row: Row | undefined, { proof }: ImportedKey): Look {
  const [uid = null, hasProof] = row ?? []
  if (row === undefined || uid === null) return { outcome: row?.[7] === true ? 'ended' : 'imported' }
  const isSame = hasProof !== true || printProof(proofOf(row.slice(2, 7))) === printProof(proof)
  return { outcome: isSame ? 'present' : 'corrected', uid: uid as string }
}

async function store(
  transaction: Transaction,
  { audit }: KeyParts,
  imported: ImportedKey,
): Promise<ImportOutcome> {
  const { key, proof, event } = imported
  const { outcome, uid } = lookIn(await transaction.first(lookFor(key.id)), imported)
  if (outcome === 'corrected' && uid !== undefined) {
    transaction.later(
      sql`UPDATE legacy_macs SET (${PROOF}) = ROW (${proofValues(proof)}) WHERE key_uid = ${uid}::uuid`,
    )
    transaction.later(audit.insert(event))
  }
  if (outcome !== 'imported') return outcome
  const insertion = { key, event }
  requireStored({ rows: await transaction.all(insertKey(audit, insertion)) }, insertion)
  transaction.later(sql`INSERT INTO legacy_macs (key_uid, stand_in, ${PROOF})
    SELECT uid, fingerprint, ${proofValues(proof)} FROM keys WHERE ${hasId(key.id)}`)
  transaction.later(sql`INSERT INTO imported_keys (id) VALUES (${text(key.id)})`)
  return outcome
}

function isEarlier(previous: readonly PreviousSecret[] | undefined, fingerprint: Fingerprint): boolean {
  return previous?.some((secret) => secret.fingerprint === fingerprint) ?? false
}

function setNewest({ uid, key }: StoredKey, fingerprint: Fingerprint): SqlText {
  return sql`UPDATE keys SET fingerprint = ${bytes(fingerprint)}
    WHERE uid = ${uid}::uuid AND owner = ${text(key.owner)}`
}

function setEarlier(
  transaction: Transaction,
  { uid, key }: StoredKey,
  from: Fingerprint,
  to: Fingerprint,
): void {
  const secrets = key.previous?.map((secret) =>
    secret.fingerprint === from ? { ...secret, fingerprint: to } : secret,
  )
  transaction.later(
    sql`UPDATE previous_secrets SET fingerprint = ${bytes(to)} WHERE fingerprint = ${bytes(from)}`,
  )
  transaction.later(sql`UPDATE keys SET previous = ${json(secrets)}
    WHERE uid = ${uid}::uuid AND owner = ${text(key.owner)}`)
}

function proofOf(row: readonly unknown[]): Pick<LegacySecret, 'mac' | 'hashKey'> {
  const [hashKey, algorithm, stored, issueTime, userName] = row as [string, string, string, number, string]
  return { hashKey, mac: { algorithm, stored, issueTime, userName } }
}

function proofValues({ hashKey, mac }: LegacyProof): SqlText {
  return sql`${text(hashKey)}, ${text(mac.algorithm)}, ${text(mac.stored)}, ${number(mac.issueTime)},
    ${text(mac.userName)}`
}

function printProof({ hashKey, mac }: LegacyProof): string {
  return JSON.stringify([hashKey, mac.algorithm, mac.stored, mac.issueTime, mac.userName])
}
