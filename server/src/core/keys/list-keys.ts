import type { Search, SearchPage } from '../../query/search.ts'
import { canonicalUserId } from '../access/anonymous-user.ts'
import type { Caller } from '../access/caller.ts'
import { mayWithAnybodys, mayWithKey, rightMissing } from '../access/key-rights.ts'
import type { Context } from '../context.ts'
import type { UserId } from '../ids.ts'
import type { KeyFilter } from '../ports/key-store.ts'
import type { ApiKey } from './api-key.ts'
import { findKeys } from './find-keys.ts'
import { viewKey, viewRevoked } from './key-view.ts'
import type { KeyView } from './verdict.ts'

/** A page of a listing. */
export type KeyViewPage = { readonly keys: readonly KeyView[]; readonly next?: string }

/** Most keys of one page. */
export const KEYS_LISTED_MAX = 1_000

/**
 * Keys in the order of their creation: those of the filter for who may read everybody's, else the caller's own.
 *
 * @throws {DomainError} `right.missing`, also when the filter names somebody else.
 */
export async function listKeys(
  context: Context,
  caller: Caller,
  filter: Omit<KeyFilter, 'now'>,
  page: { readonly after?: string; readonly limit: number },
): Promise<KeyViewPage> {
  const owner = await readableOwner(context, caller, filter.owner)
  const now = context.clock.now()
  const limit = Math.min(page.limit, KEYS_LISTED_MAX)
  const listed = await context.storage.keys.list(
    { ...filter, now, ...(owner !== undefined && { owner }) },
    { ...page, limit },
  )
  const keys: KeyView[] = []
  for (const entry of listed.keys) {
    keys.push('revocation' in entry ? viewRevoked(entry) : await viewKey(context, entry))
  }
  return { keys, ...(listed.next !== undefined && { next: listed.next }) }
}

/** The owner's keys that match. @throws {DomainError} `right.missing` @throws {QueryError} */
export async function searchKeys(
  context: Context,
  caller: Caller,
  owner: UserId,
  search: Search,
): Promise<SearchPage<ApiKey>> {
  const holder = canonicalUserId(owner)
  if (!(await mayWithKey(context, caller, 'read', { owner: holder })))
    throw rightMissing(caller, 'read', holder)
  return findKeys(context, holder, search)
}

/** Whose keys are listed: absent means everybody's. */
async function readableOwner(
  context: Context,
  caller: Caller,
  asked: UserId | undefined,
): Promise<UserId | undefined> {
  const owner = asked === undefined ? undefined : canonicalUserId(asked)
  if (await mayWithAnybodys(context, caller, 'read')) return owner
  const own = caller.user.id
  if (owner !== undefined && owner !== own) throw rightMissing(caller, 'read', owner)
  if (await mayWithKey(context, caller, 'read', { owner: own })) return own
  throw rightMissing(caller, 'read', own)
}
