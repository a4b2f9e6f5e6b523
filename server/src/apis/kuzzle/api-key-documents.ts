import type { Issued } from '../../core/key-authority.ts'
import type { ApiKey } from '../../core/keys/api-key.ts'
import type { Search } from '../../query/search.ts'
import { parseKeySearch } from '../../query/search-body.ts'
import type { ActionContext } from './action.ts'
import type { KuzzleRequest } from './request.ts'
import { type KuzzleDocument, recordMetadata } from './security-documents.ts'

/**
 * An API key as searches show it: `expiresAt` in ms since the epoch and `ttl` in ms, -1 for a key that never expires.
 *
 * Kuzzle's documents call the digest of the token `fingerprint` or `hash`; it is there under both names.
 */
export function apiKeyDocument(key: ApiKey): KuzzleDocument {
  return {
    _id: key.id,
    _source: {
      userId: key.owner,
      description: key.description,
      expiresAt: key.expiresAt ?? -1,
      ttl: key.ttlMs ?? -1,
      fingerprint: key.fingerprint,
      hash: key.fingerprint,
    },
  }
}

/** A new API key with its token: the one answer that ever holds it. */
export function issuedKeyDocument({ issued, token }: Issued<ApiKey>): KuzzleDocument {
  const { _id, _source } = apiKeyDocument(issued)
  return { _id, _source: { ..._source, _kuzzle_info: recordMetadata(issued.record), token: token.reveal() } }
}

/** Matches of an API-key search that are answered when the client does not say how many. */
const PAGE_SIZE = 10

/**
 * The search that a request for API keys asks for: its body is the query, `from` and `size` the page.
 *
 * @throws {QueryError}
 */
export async function keySearchOf(
  request: KuzzleRequest,
  { authority, server }: ActionContext,
): Promise<Search> {
  const page = { from: request.integer('from', 0), size: request.integer('size', PAGE_SIZE) }
  const language = request.lang()
  const mapping = await authority.administration.mapping('api-keys')
  return parseKeySearch(request.body, page, language, { mapping, now: server.clock.now() })
}
