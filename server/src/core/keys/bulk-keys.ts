import { canonicalUserId } from '../access/anonymous-user.ts'
import type { Caller } from '../access/caller.ts'
import { mayWithAnybodys, mayWithKey, rightMissing } from '../access/key-rights.ts'
import type { Context } from '../context.ts'
import { DomainError } from '../errors.ts'
import type { KeyId, UserId } from '../ids.ts'
import type { BulkResult, KeySelection } from '../key-authority.ts'
import type { ApiKey, RevocationReason } from './api-key.ts'
import { disable, isDisabledFor } from './disable-key.ts'
import { findKeys } from './find-keys.ts'
import { endKey } from './revoke-key.ts'
import { writeUses } from './write-uses.ts'

/** What is done with all keys of a selection. */
export type BulkOperation = {
  readonly kind: 'revoke' | 'disable'
  readonly reason: RevocationReason
  /** Only counts. */
  readonly dryRun: boolean
}

/** Keys that one call changes. */
export const BULK_MAX = 10_000

/** Keys that one call looks at: when most are disabled already, many have to be passed over to come to one that is not. */
const LOOKED_AT_MAX = 1_000_000

/** Keys that are changed in one transaction, and read at once: other requests are served between two of these. */
const BATCH = 100

/**
 * Ends or disables many keys. All that match are found before the first is changed; what is created meanwhile is left
 * alone, and so is what somebody else ends meanwhile. A crash leaves some of them done, and the same call does the rest.
 *
 * @throws {DomainError} `right.missing`. @throws {QueryError}
 */
export async function changeManyKeys(
  context: Context,
  caller: Caller,
  operation: BulkOperation,
  selection: KeySelection,
): Promise<BulkResult> {
  const chosen = await chosenBy(context, caller, operation, selection)
  const isLeft = (key: ApiKey): boolean => operation.kind === 'revoke' || !isDisabledFor(key, caller)
  const { keys: matching, complete } =
    'filter' in chosen ? await listed(context, chosen, isLeft) : await found(context, chosen, isLeft)
  const matched = matching.length
  if (operation.dryRun) return { matched, changed: 0, complete }
  let changed = 0
  for (let start = 0; start < matched; start += BATCH) {
    const batch = matching.slice(start, start + BATCH)
    // At once, so that the revocations find nothing to write one by one.
    if (operation.kind === 'revoke') await writeUses(context, idsOf(batch))
    // Changes that are asked for together share one transaction.
    const done = await Promise.all(batch.map((key) => change(context, caller, operation, key)))
    changed += done.filter((isDone) => isDone).length
  }
  return { matched, changed, complete }
}

/** The selection with the owner as stored. @throws {DomainError} `right.missing` */
async function chosenBy(
  context: Context,
  caller: Caller,
  { kind }: BulkOperation,
  selection: KeySelection,
): Promise<KeySelection> {
  const asked = 'filter' in selection ? selection.filter.owner : selection.owner
  const owner = asked === undefined ? undefined : canonicalUserId(asked)
  if (!(await mayWithAll(context, caller, kind, owner))) throw rightMissing(caller, kind, owner)
  if (owner === undefined) return selection
  return 'filter' in selection ? { filter: { ...selection.filter, owner } } : { ...selection, owner }
}

function mayWithAll(
  context: Context,
  caller: Caller,
  kind: BulkOperation['kind'],
  owner: UserId | undefined,
): Promise<boolean> {
  if (owner === undefined) return mayWithAnybodys(context, caller, kind)
  return mayWithKey(context, caller, kind, { owner })
}

type Chosen = { readonly keys: readonly ApiKey[]; readonly complete: boolean }

async function listed(
  context: Context,
  { filter }: Extract<KeySelection, { readonly filter: unknown }>,
  isLeft: (key: ApiKey) => boolean,
): Promise<Chosen> {
  const keys: ApiKey[] = []
  const now = context.clock.now()
  let after: string | undefined
  for (let seen = 0; seen < LOOKED_AT_MAX && keys.length < BULK_MAX; seen += BATCH) {
    const page = await context.storage.keys.list(
      { ...filter, now },
      { limit: BATCH, ...(after !== undefined && { after }) },
    )
    for (const entry of page.keys) if (!('revocation' in entry) && isLeft(entry)) keys.push(entry)
    after = page.next
    if (after === undefined) return { keys, complete: true }
  }
  return { keys, complete: false }
}

async function found(
  context: Context,
  { owner, search }: Extract<KeySelection, { readonly search: unknown }>,
  isLeft: (key: ApiKey) => boolean,
): Promise<Chosen> {
  const { aggregations: _, collapse: __, searchAfter: ___, ...plain } = search
  const keys: ApiKey[] = []
  for (let from = 0; from < LOOKED_AT_MAX && keys.length < BULK_MAX; from += BULK_MAX) {
    const { hits, total } = await findKeys(context, owner, { ...plain, from, size: BULK_MAX })
    for (const key of hits) if (isLeft(key)) keys.push(key)
    if (from + hits.length >= total || hits.length === 0) return { keys, complete: true }
  }
  return { keys, complete: false }
}

function idsOf(keys: readonly ApiKey[]): readonly KeyId[] {
  return keys.map(({ id }) => id)
}

/** Whether it was done; not so when the key ended meanwhile. */
async function change(
  context: Context,
  caller: Caller,
  { kind, reason }: BulkOperation,
  key: ApiKey,
): Promise<boolean> {
  if (kind === 'revoke') return (await endKey(context, caller, key, { reason })) !== undefined
  try {
    await disable(context, caller, key, reason === 'unspecified' ? undefined : reason)
    return true
  } catch (error) {
    if (error instanceof DomainError && error.code === 'key.not_found') return false
    throw error
  }
}
