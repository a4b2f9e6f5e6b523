import type { Profile } from '../../../core/access/profile.ts'
import type { Role } from '../../../core/access/role.ts'
import type { User } from '../../../core/access/user.ts'
import { isJsonObject, type JsonObject } from '../../../core/json.ts'
import type { Collection } from '../../../core/key-authority.ts'
import type { Mapping } from '../../../query/mapping.ts'
import type { SearchPage } from '../../../query/search.ts'
import {
  type CollectionSearch,
  type PageRequest,
  parseCollectionSearch,
  type QueryLanguage,
  RESULT_WINDOW_MAX,
} from '../../../query/search-body.ts'
import { applySourceFilter } from '../../../query/source-filter.ts'
import type { Action, ActionContext, Controller } from '../action.ts'
import { refuseOtherFields } from '../credentials-query.ts'
import { fail, failPlainly } from '../kuzzle-errors.ts'
import type { KuzzleRequest } from '../request.ts'
import { parseScrollDuration } from '../scroll-duration.ts'
import type { ScrollKind } from '../scrolls.ts'
import { type KuzzleDocument, profileDocument, roleDocument, userDocument } from '../security-documents.ts'
import type { ServerFacts } from '../server-facts.ts'
import { credentialsDocument } from './security-credentials.ts'

/** Finding users, profiles and roles. */
export const searchActions: Controller = {
  searchUsers: {
    routes: [{ verb: 'POST', path: '/users/_search' }],
    async run(request, context) {
      const scroll = scrollOf(request, context.server)
      const page = pageOf(request, context.server)
      const found = await parseSearch('users', bodyOf(request), { page, language: request.lang() }, context)
      const users = await context.authority.users.search(widen(found, scroll))
      const { aggregations: _none, ...answer } = printPage(users, (user) => userHit(user, found))
      return scroll === undefined
        ? answer
        : openScroll(answer, { ...scroll, kind: 'users', page }, context.server)
    },
  },

  searchProfiles: {
    routes: [{ verb: 'POST', path: '/profiles/_search' }],
    async run(request, context) {
      const scroll = scrollOf(request, context.server)
      const page = pageOf(request, context.server)
      const { body, language } = profileQuery(request)
      const found = await parseSearch('profiles', body, { page, language }, context)
      const profiles = await context.authority.profiles.search(widen(found, scroll))
      const answer = printPage(profiles, (profile) => profileHit(profile, found))
      return scroll === undefined
        ? answer
        : openScroll(answer, { ...scroll, kind: 'profiles', page }, context.server)
    },
  },

  searchRoles: {
    routes: [{ verb: 'POST', path: '/roles/_search' }],
    async run(request, context) {
      const page = pageOf(request, context.server)
      const { controllers, ...body } = bodyOf(request)
      if (controllers === undefined) {
        const found = await parseSearch('roles', body, { page, language: request.lang() }, context)
        return printPage(await context.authority.roles.search(found.search), (role) => roleHit(role, found))
      }
      checkEitherOr('controllers', body)
      return searchRolesByController(request.bodyStrings('controllers'), body, page, context)
    },
  },

  searchUsersByCredentials: {
    routes: [{ verb: 'POST', path: '/credentials/:strategy/users/_search' }],
    async run(request, { authority, server }) {
      const strategy = request.string('strategy')
      authority.credentials.fields(strategy)
      const body = bodyOf(request)
      const scope = { mapping: CREDENTIALS_MAPPING, now: server.clock.now() }
      const { search } = parseCollectionSearch(body, pageOf(request, server), request.lang(), scope)
      refuseOtherFields(body)
      return printPage(await authority.credentials.search(strategy, search), credentialsDocument)
    },
  },

  scrollUsers: { routes: [{ verb: 'GET', path: '/users/_scroll/:scrollId' }], run: nextPage('users') },

  scrollProfiles: {
    routes: [{ verb: 'GET', path: '/profiles/_scroll/:scrollId' }],
    run: nextPage('profiles'),
  },
}

/** Kuzzle's `local` strategy lets nothing but the user name be searched, so that `*` means no more than that. */
const CREDENTIALS_MAPPING: Mapping = { properties: { username: { type: 'keyword' } } }

/** Most matches that a scroll can walk through: they are all kept until it ends. */
const SCROLL_HITS_MAX = 50_000

/** Roles that the older form of a search looks at, as in Kuzzle. */
const ROLES_BY_CONTROLLER_MAX = 9_999

type PrintedPage<T> = {
  readonly hits: readonly T[]
  readonly total: number
  readonly aggregations?: Readonly<Record<string, unknown>>
}

function bodyOf(request: KuzzleRequest): JsonObject {
  return request.body === undefined ? {} : request.bodyObjectWhole()
}

/** The part that is asked for: by default all that may be answered at once. */
function pageOf(request: KuzzleRequest, { settings }: ServerFacts): PageRequest {
  const from = request.integer('from', 0)
  const sizeMax = settings.documentsFetchCount
  const reachable = Math.max(0, RESULT_WINDOW_MAX - Math.max(0, from))
  const size = request.integer('size', Math.min(sizeMax, reachable))
  return size <= sizeMax ? { from, size } : fail('services.storage.get_limit_exceeded')
}

async function parseSearch(
  collection: Exclude<Collection, 'api-keys'>,
  body: JsonObject,
  asked: { readonly page: PageRequest; readonly language: QueryLanguage },
  { authority, server }: ActionContext,
): Promise<CollectionSearch> {
  const mapping = await authority.administration.mapping(collection)
  return parseCollectionSearch(body, asked.page, asked.language, { mapping, now: server.clock.now() })
}

function printPage<T, U>(page: SearchPage<T>, print: (hit: T) => U): PrintedPage<U> {
  const { hits, total, aggregations } = page
  return { ...(aggregations === undefined ? {} : { aggregations }), hits: hits.map(print), total }
}

/** What a search body left of a hit; members without which it would be no such thing come back empty. */
function filterSource(
  { _id, _source }: KuzzleDocument,
  { sourceFilter }: CollectionSearch,
  defaults: KuzzleDocument['_source'],
): KuzzleDocument {
  if (sourceFilter === undefined) return { _id, _source }
  return { _id, _source: { ...defaults, ...applySourceFilter(sourceFilter, _source) } }
}

function userHit(user: User, search: CollectionSearch): KuzzleDocument {
  return filterSource(userDocument(user), search, { profileIds: [] })
}

function profileHit(profile: Profile, search: CollectionSearch): KuzzleDocument {
  return filterSource(profileDocument(profile), search, { policies: [], rateLimit: 0 })
}

function roleHit(role: Role, search: CollectionSearch): KuzzleDocument {
  return filterSource(roleDocument(role), search, { controllers: {} })
}

/** The older form `{roles: [...]}` means the profiles that hold one of these roles. */
function profileQuery(request: KuzzleRequest): {
  readonly body: JsonObject
  readonly language: QueryLanguage
} {
  const { roles, ...body } = bodyOf(request)
  if (roles === undefined) return { body, language: request.lang() }
  checkEitherOr('roles', body)
  const ids = request.bodyStrings('roles')
  const query = ids.length === 0 ? {} : { terms: { 'policies.roleId': ids } }
  return { body: { ...body, query }, language: 'elasticsearch' }
}

/** The older form `{controllers: [...]}` means the roles that say something of one of these controllers. */
async function searchRolesByController(
  controllers: readonly string[],
  body: JsonObject,
  page: PageRequest,
  context: ActionContext,
): Promise<PrintedPage<KuzzleDocument>> {
  const asked = { page: { from: 0, size: ROLES_BY_CONTROLLER_MAX }, language: 'elasticsearch' } as const
  const found = await parseSearch('roles', body, asked, context)
  const { hits } = await context.authority.roles.search(found.search)
  const wanted = new Set([...controllers, '*'])
  const matches = hits.filter(
    (role) => controllers.length === 0 || Object.keys(role.controllers).some((name) => wanted.has(name)),
  )
  const shown = matches.slice(page.from, page.from + page.size)
  return printPage({ hits: shown, total: matches.length }, (role) => roleHit(role, found))
}

/** The misspelling is Kuzzle's. */
function checkEitherOr(older: 'roles' | 'controllers', body: JsonObject): void {
  if (body['query'] === undefined) return
  failPlainly(
    400,
    `You cannot specifify both "${older}" and "query". Prefer the usage of "query" property with a search query.`,
  )
}

type ScrollWish = { readonly ttlMs: number }

function scrollOf(request: KuzzleRequest, { settings }: ServerFacts): ScrollWish | undefined {
  const ttlMs = parseScrollDuration(request, settings)
  if (ttlMs === undefined) return undefined
  const body = request.body
  const refusal = [
    request.integer('from', 0) > 0 && 'using [from] is not allowed in a scroll context',
    request.integer('size', 1) === 0 && '[size] cannot be [0] in a scroll context',
    isJsonObject(body) && body['collapse'] && 'cannot use `collapse` in a scroll context',
    isJsonObject(body) && body['search_after'] && '`search_after` cannot be used in a scroll context.',
  ].find((text) => typeof text === 'string')
  return refusal === undefined ? { ttlMs } : fail('services.storage.unexpected_bad_request', refusal)
}

/** The search itself; to be scrolled through, its whole result. */
function widen({ search }: CollectionSearch, scroll: ScrollWish | undefined): CollectionSearch['search'] {
  return scroll === undefined ? search : { ...search, size: SCROLL_HITS_MAX }
}

async function openScroll<T>(
  answer: PrintedPage<T>,
  wish: ScrollWish & { readonly kind: ScrollKind; readonly page: PageRequest },
  { scrolls }: ServerFacts,
): Promise<PrintedPage<T> & { readonly scrollId: string }> {
  const { hits, total } = answer
  if (total > hits.length) return fail('services.storage.get_limit_exceeded')
  const pageSize = wish.page.size
  const scrollId = await scrolls.open({ ...wish, rest: hits.slice(pageSize), total, pageSize })
  return { ...answer, hits: hits.slice(0, pageSize), scrollId }
}

function nextPage(kind: ScrollKind): Action['run'] {
  return async (request, { server }) => {
    const scrollId = request.string('scrollId')
    const ttlMs = parseScrollDuration(request, server.settings) ?? server.settings.scrollTtlMs
    return { ...(await server.scrolls.next(kind, scrollId, ttlMs)), scrollId }
  }
}
