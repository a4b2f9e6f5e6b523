import type { AuditEvent } from '../audit/audit-event.ts'
import type { KeyId, UserId } from '../ids.ts'
import type { ApiKey } from '../keys/api-key.ts'
import type { Fingerprint } from '../keys/fingerprint.ts'
import type { LegacyMac } from '../keys/legacy-mac.ts'

/**
 * Keys that were issued elsewhere. Their tokens are not known, so neither are their fingerprints: until its token is
 * shown for the first time, such a key has a stand-in that no text leads to, and what proves the token.
 */
export interface LegacyKeyStore {
  /**
   * Stores those of the keys whose ids were never imported before and are free, each with its event, all in one
   * transaction; answers what became of each. Of one that is there and was not shown yet, it corrects the proof.
   */
  importKeys(keys: readonly ImportedKey[]): Promise<readonly ImportOutcome[]>

  /** What `importKeys` would answer; changes nothing. */
  findOutcomes(keys: readonly ImportedKey[]): Promise<readonly ImportOutcome[]>

  /**
   * How to tell the token of a key that was not shown yet. Answers at once whenever nothing has to be waited for. When it
   * tells nothing because somebody else adopted the key in between, the next look-up of the fingerprint finds it.
   */
  find(id: KeyId): LegacySecret | undefined | Promise<LegacySecret | undefined>

  /**
   * Puts the fingerprint of the token where its stand-in is, be it the newest or an earlier secret, and forgets the
   * proof. False, and nothing changed, when somebody else did; when a rotation or revocation ended that secret only the
   * proof is forgotten.
   */
  adopt(secret: LegacySecret, fingerprint: Fingerprint, event: AuditEvent): Promise<boolean>
}

/** A key that was issued elsewhere. */
export type ImportedKey = {
  /** Its fingerprint is the stand-in. */
  readonly key: ApiKey
  readonly proof: LegacyProof
  readonly event: AuditEvent
}

/** What proves a token, and with which of the hash keys. */
export type LegacyProof = { readonly mac: LegacyMac; readonly hashKey: HashKeyId }

/** How to tell the token of a key. */
export type LegacySecret = LegacyProof & {
  readonly id: KeyId
  readonly owner: UserId
  readonly standIn: Fingerprint
}

/**
 * Names a hash key, and does not tell it.
 */
export type HashKeyId = string

/**
 * - `imported`: it is a key now
 * - `corrected`: it was a key already, not shown yet, and is proven in another way now
 * - `present`: it is a key already and stays as it is
 * - `ended`: it was imported before and is no key any more, and never will be again
 */
export type ImportOutcome = 'imported' | 'corrected' | 'present' | 'ended'
