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
import type { WriteAudit } from './audit-store.ts'
import { column, fingerprintBytes, fingerprintOfBytes, jsonColumn } from './column.ts'
import type { SqliteDatabase, SqlValue } from './database.ts'
import type { SharedKeys } from './key-store.ts'
import { KeyWriter } from './key-writer.ts'
import type { RequireOwner } from './owners.ts'

const PROOF = 'hash_key, algorithm, mac, issue_time, user_name'

/** SQL about keys that were issued elsewhere, for the test that asks SQLite how it answers it. */
export const LEGACY_LOOKUPS = {
  keyById: 'SELECT seq FROM keys WHERE id = ?',
  wasImported: 'SELECT 1 FROM imported_keys WHERE id = ?',
  byKeySeq: `SELECT ${PROOF} FROM legacy_macs WHERE key_seq = ?`,
  byId: `SELECT owner, stand_in, ${PROOF} FROM keys JOIN legacy_macs ON legacy_macs.key_seq = keys.seq
    WHERE keys.id = ?`,
  correct: `UPDATE legacy_macs SET (${PROOF}) = (?, ?, ?, ?, ?) WHERE key_seq = ?`,
  remove: 'DELETE FROM legacy_macs WHERE key_seq = (SELECT seq FROM keys WHERE id = ?) AND stand_in = ?',
  setNewest: 'UPDATE keys SET fingerprint = ? WHERE fingerprint = ?',
  setEarlier: 'UPDATE previous_secrets SET fingerprint = ? WHERE fingerprint = ? RETURNING key_seq',
  previous: 'SELECT previous, fingerprint FROM keys WHERE seq = ?',
  setPrevious: 'UPDATE keys SET previous = ? WHERE seq = ?',
} as const

const ADD_PROOF = `INSERT INTO legacy_macs (key_seq, stand_in, ${PROOF}) VALUES (?, ?, ?, ?, ?, ?, ?)`

/** What the store is made of. */
export type LegacyKeyStoreParts = {
  readonly writeAudit: WriteAudit
  readonly requireOwner: RequireOwner
  readonly shared: SharedKeys
}

/** Keys that were issued elsewhere, in SQLite. */
export function createLegacyKeyStore(
  database: SqliteDatabase,
  { writeAudit, requireOwner, shared }: LegacyKeyStoreParts,
): LegacyKeyStore {
  const imports = new Imports(database, new KeyWriter(database, requireOwner))
  const byId = database.statement(LEGACY_LOOKUPS.byId)
  const remove = database.statement(LEGACY_LOOKUPS.remove)
  const putFingerprint = preparePutFingerprint(database)
  const { news } = shared

  return {
    importKeys(keys) {
      return database.change(() =>
        keys.map((imported) => {
          const outcome = imports.store(imported)
          if (outcome === 'imported' || outcome === 'corrected') writeAudit(imported.event)
          return outcome
        }),
      )
    },
    async findOutcomes(keys) {
      return database.read(() => keys.map((imported) => imports.look(imported).outcome))
    },
    find(id) {
      const row = database.read(() => byId.get(id))
      if (row === undefined) {
        database.expectNews()
        return undefined
      }
      const standIn = fingerprintOfBytes(row[1])
      return { id, owner: column<UserId>(row, 0), standIn, ...proofOf(row.slice(2)) }
    },
    adopt({ id, standIn }, fingerprint, event) {
      return database.change(() => {
        if (remove.run(id, fingerprintBytes(standIn)) === 0) return false
        const changed = putFingerprint(standIn, fingerprint)
        if (changed.length === 0) return false
        news.keysChanged([standIn, fingerprint, ...changed])
        writeAudit(event)
        return true
      })
    },
  }
}

/** What would become of a key, and where it is when it is there. */
type Look = { readonly outcome: ImportOutcome; readonly seq?: number }

/** Imports keys; inside a change only. */
class Imports {
  readonly #writer: KeyWriter
  readonly #keyById
  readonly #wasImported
  readonly #byKeySeq
  readonly #addProof
  readonly #addId
  readonly #correct

  constructor(database: SqliteDatabase, writer: KeyWriter) {
    this.#writer = writer
    this.#keyById = database.statement(LEGACY_LOOKUPS.keyById)
    this.#wasImported = database.statement(LEGACY_LOOKUPS.wasImported)
    this.#byKeySeq = database.statement(LEGACY_LOOKUPS.byKeySeq)
    this.#addProof = database.statement(ADD_PROOF)
    this.#addId = database.statement('INSERT INTO imported_keys (id) VALUES (?)')
    this.#correct = database.statement(LEGACY_LOOKUPS.correct)
  }

  look({ key, proof }: ImportedKey): Look {
    const found = this.#keyById.get(key.id)
    if (found === undefined) return { outcome: this.#isUsedUp(key.id) ? 'ended' : 'imported' }
    const seq = column<number>(found, 0)
    const row = this.#byKeySeq.get(seq)
    const isSame = row === undefined || printProof(proofOf(row)) === printProof(proof)
    return { outcome: isSame ? 'present' : 'corrected', seq }
  }

  store(imported: ImportedKey): ImportOutcome {
    const { key, proof } = imported
    const { outcome, seq } = this.look(imported)
    if (outcome === 'corrected' && seq !== undefined) this.#correct.run(...proofValues(proof), seq)
    if (outcome !== 'imported') return outcome
    const added = this.#writer.insert(key)
    this.#addProof.run(added, fingerprintBytes(key.fingerprint), ...proofValues(proof))
    this.#addId.run(key.id)
    return outcome
  }

  #isUsedUp(id: KeyId): boolean {
    return this.#wasImported.get(id) !== undefined
  }
}

/** Puts a fingerprint where another one is; answers the fingerprints of that key, none when it is nowhere. */
function preparePutFingerprint(
  database: SqliteDatabase,
): (from: Fingerprint, to: Fingerprint) => readonly Fingerprint[] {
  const setNewest = database.statement(LEGACY_LOOKUPS.setNewest)
  const setEarlier = database.statement(LEGACY_LOOKUPS.setEarlier)
  const previous = database.statement(LEGACY_LOOKUPS.previous)
  const setPrevious = database.statement(LEGACY_LOOKUPS.setPrevious)
  return (from, to) => {
    const [old, next] = [fingerprintBytes(from), fingerprintBytes(to)]
    if (setNewest.run(next, old) > 0) return [to]
    const earlier = setEarlier.get(next, old)
    const row = earlier && previous.get(column<number>(earlier, 0))
    if (earlier === undefined || row === undefined) return []
    const secrets = jsonColumn<readonly PreviousSecret[]>(row, 0).map((secret) =>
      secret.fingerprint === from ? { ...secret, fingerprint: to } : secret,
    )
    setPrevious.run(JSON.stringify(secrets), column<number>(earlier, 0))
    return [fingerprintOfBytes(row[1]), ...secrets.map((secret) => secret.fingerprint)]
  }
}

function proofOf(row: readonly unknown[]): Pick<LegacySecret, 'mac' | 'hashKey'> {
  const [hashKey, algorithm, stored, issueTime, userName] = row as [string, string, string, number, string]
  return { hashKey, mac: { algorithm, stored, issueTime, userName } }
}

function proofValues({ hashKey, mac }: LegacyProof): readonly SqlValue[] {
  return [hashKey, mac.algorithm, mac.stored, mac.issueTime, mac.userName]
}

function printProof(proof: LegacyProof): string {
  return JSON.stringify(proofValues(proof))
}
