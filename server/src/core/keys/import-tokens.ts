import type { Origin } from '../audit/audit-event.ts'
import { describeChange } from '../audit/record-change.ts'
import type { Context } from '../context.ts'
import { ANONYMOUS_ID } from '../ids.ts'
import type { ImportCounts, ImportRequest, LegacyToken } from '../key-authority.ts'
import type { HashKeyId, ImportedKey } from '../ports/legacy-key-store.ts'
import type { Instant } from '../record.ts'
import type { ApiKey, NameTrust } from './api-key.ts'
import type { Fingerprint } from './fingerprint.ts'
import { hashKeyId } from './hash-keys.ts'
import { isLegacyAlgorithm } from './legacy-mac.ts'

/**
 * Makes keys of tokens that Knox issued, all or none of them. Their holders go on using them; each one's secret is
 * proven by Knox's MAC when it is shown for the first time.
 *
 * @throws {Error} the MAC is none of those that are known.
 */
export async function importTokens(
  context: Context,
  tokens: readonly LegacyToken[],
  request: ImportRequest,
  origin: Origin,
): Promise<ImportCounts> {
  const { hashKey, algorithm, dryRun, ownerTrust = 'ordinary' } = request
  if (!isLegacyAlgorithm(algorithm)) {
    throw new Error(`Cannot import tokens: the MAC "${algorithm}" is not known`)
  }
  const { legacyKeys } = context.storage
  const id = dryRun ? hashKeyId(hashKey) : await context.hashKeys.keep(hashKey)
  const how = { algorithm, hashKey: id, ownerTrust, origin }
  const batch = tokens.map((token) => importedKey(context, token, how))
  const outcomes = await (dryRun ? legacyKeys.findOutcomes(batch) : legacyKeys.importKeys(batch))

  const counts = { imported: 0, corrected: 0, present: 0, ended: 0 }
  for (const [index, outcome] of outcomes.entries()) {
    counts[outcome] += 1
    const isStored = outcome === 'imported' || outcome === 'corrected'
    const event = batch[index]?.event
    if (isStored && !dryRun && event !== undefined) context.onAudit?.(event)
  }
  return counts
}

type Import = {
  readonly algorithm: string
  readonly hashKey: HashKeyId
  readonly ownerTrust: NameTrust
  readonly origin: Origin
}

function importedKey(
  context: Context,
  token: LegacyToken,
  { algorithm, hashKey, ownerTrust, origin }: Import,
): ImportedKey {
  const { id, owner, issuedAt } = token
  const now = context.clock.now()
  const change = {
    by: { user: { id: ANONYMOUS_ID }, origin },
    action: 'key.import',
    subject: `key:${id}`,
    details: { owner, type: token.type, expiresAt: token.expiresAt ?? null },
  } as const
  return {
    key: keyOf(token, { fingerprint: standIn(context), ownerTrust }, now),
    proof: { mac: { algorithm, stored: token.mac, issueTime: issuedAt, userName: owner }, hashKey },
    event: describeChange(change, now),
  }
}

/** What no text has as its SHA-256, as far as anybody can know. */
function standIn({ randomness }: Context): Fingerprint {
  return Buffer.from(randomness.bytes(FINGERPRINT_BYTES)).toString('hex') as Fingerprint
}

const FINGERPRINT_BYTES = 32

function keyOf(
  token: LegacyToken,
  { fingerprint, ownerTrust }: { readonly fingerprint: Fingerprint; readonly ownerTrust: NameTrust },
  now: Instant,
): ApiKey {
  const { id, owner, createdBy = owner, comment, type, issuedAt, expiresAt } = token
  const { maxLifetimeAt, thirdPartyApp, metadata, isEnabled } = token
  return {
    id,
    owner,
    description: comment,
    fingerprint,
    family: 'knox',
    knox: {
      type,
      ...(maxLifetimeAt !== undefined && { maxLifetimeAt }),
      ...(thirdPartyApp !== undefined && { thirdPartyApp }),
      ...(ownerTrust !== 'ordinary' && { ownerTrust }),
    },
    record: { createdBy, createdAt: issuedAt },
    // Knox also issued tokens that were over at once.
    ...(expiresAt !== undefined && { expiresAt, ttlMs: Math.max(1, expiresAt - issuedAt) }),
    ...(metadata !== undefined && { metadata }),
    // Whoever disabled it there, its owner could enable it again.
    ...(!isEnabled && { disabled: { at: now, by: owner } }),
  }
}
