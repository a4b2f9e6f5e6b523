import type { Search, SearchPage } from '../../query/search.ts'
import { canonicalUserId } from '../access/anonymous-user.ts'
import type { Context } from '../context.ts'
import type { UserId } from '../ids.ts'
import type { ApiKey } from './api-key.ts'

/** The owner's keys that match, expired ones included; unknown owners have none. @throws {QueryError} */
export function findKeys(context: Context, owner: UserId, search: Search): Promise<SearchPage<ApiKey>> {
  return context.storage.keys.search(canonicalUserId(owner), search)
}
