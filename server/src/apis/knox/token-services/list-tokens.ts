import { DomainError } from '../../../core/errors.ts'
import type { UserId } from '../../../core/ids.ts'
import type { TokenFilter, TokenPage } from '../../../core/key-authority.ts'
import type { ApiKey } from '../../../core/keys/api-key.ts'
import type { Instant } from '../../../core/record.ts'
import type { HttpReply } from '../../../transports/http/http-message.ts'
import type { KnoxRequest } from '../knox-request.ts'
import type { Principal } from '../principal.ts'
import { ERROR_CODES, errorReply, jsonReply } from './life-cycle-reply.ts'
import { isForbiddenByKey, managerOf, ownsOf } from './token-owner.ts'
import type { TokenServiceParts } from './token-service-parts.ts'

/** Tokens of one answer, when the client asks for no fewer: Knox sends all. */
export const LISTED_MAX = 10_000

/**
 * `getUserTokens`: the tokens of a user, or that it made. Those who are listed see the tokens of everybody; Knox showed
 * them to all.
 *
 * `limit` and `after`, which Knox does not know, page through many: an answer that is not all has the member `next`.
 */
export async function listTokens(
  request: KnoxRequest,
  principal: Principal,
  parts: TokenServiceParts,
): Promise<HttpReply> {
  const { effective } = principal
  const { tokens, seeingAll } = parts
  const { query } = request
  const manager = managerOf(request, principal)
  const filter = filterOf(query, effective)
  const asked = [filter.owner, filter.createdBy, filter.ownerOrCreator]
  const isOwn = asked.some((name) => name === effective)
  if (!isOwn && !seeingAll.includes(effective)) {
    const subject = `user:${asked.find((name) => name !== undefined) ?? '*'}`
    tokens.noteForbidden(manager, { action: 'key.list', subject })
    const error = `Caller (${effective}) not authorized to see the tokens of others.`
    return errorReply(403, error, ERROR_CODES.unauthorized)
  }
  const limit = query.has('limit') ? Number(query.get('limit')) : LISTED_MAX
  if (!(Number.isSafeInteger(limit) && limit >= 1 && limit <= LISTED_MAX)) {
    return errorReply(400, `Invalid limit: a whole number from 1 to ${LISTED_MAX} is needed`)
  }
  const metadata = metadataFilter(query)
  const page = await listed(
    (wanted) => tokens.list(wanted, manager),
    { ...filter, ...(metadata !== undefined && { metadata }) },
    { after: query.get('after') ?? undefined, limit, isShown: await ownsOf(principal, parts) },
  )
  if (page instanceof DomainError) return errorReply(403, page.message, ERROR_CODES.unauthorized)
  if (page === undefined) return errorReply(400, 'Invalid after: no listing gave it')
  return jsonReply(
    200,
    JSON.stringify({
      tokens: page.tokens.map(printToken),
      ...(page.next !== undefined && { next: page.next }),
    }),
  )
}

/** How often the store is asked for one answer, should it have many tokens that the caller must not see. */
const STEPS_MAX = 100

type Wanted = {
  readonly after: string | undefined
  readonly limit: number
  readonly isShown: (token: ApiKey) => boolean
}

/**
 * So many tokens that are shown, and where to go on; an error: the key that the caller shows does not let it; undefined:
 * `after` is nothing that a listing gave. There are fewer with more to come only after very many that are not shown.
 */
async function listed(
  list: (filter: TokenFilter) => Promise<TokenPage>,
  filter: TokenFilter,
  { after: from, limit, isShown }: Wanted,
): Promise<TokenPage | DomainError | undefined> {
  const tokens: ApiKey[] = []
  let after = from
  let steps = 0
  try {
    do {
      const page = await list({
        ...filter,
        ...(after !== undefined && { after }),
        limit: limit - tokens.length,
      })
      tokens.push(...page.tokens.filter(isShown))
      steps += 1
      after = page.next
    } while (after !== undefined && tokens.length < limit && steps < STEPS_MAX)
  } catch (error) {
    if (isForbiddenByKey(error)) return error
    if (error instanceof DomainError && error.code === 'id.invalid') return undefined
    throw error
  }
  return { tokens, ...(after !== undefined && { next: after }) }
}

type NameFilter = {
  readonly owner?: UserId
  readonly createdBy?: UserId
  readonly ownerOrCreator?: UserId
}

/** Which tokens are asked for; nothing: the caller's own, of which Knox answers all or none, by its store. */
function filterOf(query: URLSearchParams, caller: string): NameFilter {
  if (query.get('allTokens')?.toLowerCase() === 'true') return {}
  const name = (parameter: string) => query.get(parameter) as UserId | null
  const either = name('userNameOrCreatedBy')
  if (either !== null) return { ownerOrCreator: either }
  const createdBy = name('createdBy')
  if (createdBy !== null) return { createdBy }
  return { owner: name('userName') ?? (caller as UserId) }
}

function metadataFilter(query: URLSearchParams): Readonly<Record<string, readonly string[]>> | undefined {
  const wanted = new Map<string, string[]>()
  for (const [name, value] of query) {
    if (!name.startsWith('md_')) continue
    const own = name.slice('md_'.length)
    wanted.set(own, [...(wanted.get(own) ?? []), value])
  }
  return wanted.size === 0 ? undefined : Object.fromEntries(wanted)
}

/** A token as Knox lists it, members in its order. */
function printToken(token: ApiKey): object {
  const { createdAt, createdBy } = token.record
  const end = token.knox?.maxLifetimeAt
  return {
    tokenId: token.id,
    issueTime: printDate(createdAt),
    expiration: token.expiresAt === undefined ? 'Never' : printDate(token.expiresAt),
    maxLifetime: end === undefined ? 'Unbounded' : printDate(end),
    metadata: {
      userName: token.owner,
      comment: token.description === '' ? null : token.description,
      enabled: token.disabled === undefined,
      createdBy: createdBy === token.owner ? null : createdBy,
      lastUsedAt: token.lastUsedAt === undefined ? null : token.lastUsedAt / 1_000,
      type: token.knox?.type ?? 'API_KEY',
      thirdPartyApp: token.knox?.thirdPartyApp ?? true,
      customMetadataMap: token.metadata ?? {},
    },
    issueTimeLong: createdAt,
    expirationLong: token.expiresAt ?? -1,
    maxLifetimeLong: end ?? -1,
  }
}

/** A date as Java prints it, in UTC: `2023-10-10T09:02:03.904+0000`. */
function printDate(instant: Instant): string {
  const date = new Date(instant)
  return Number.isNaN(date.getTime()) ? 'Never' : date.toISOString().replace('Z', '+0000')
}
