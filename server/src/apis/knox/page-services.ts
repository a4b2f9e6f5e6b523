import type { HttpReply } from '../../transports/http/http-message.ts'
import type { KnoxService } from './knox-filter.ts'
import { KnoxRefusal, type KnoxRequest } from './knox-request.ts'
import type { Principal } from './principal.ts'

/** Roles of the services that Knox's own pages ask before they show anything. */
export const PAGE_SERVICE_ROLES = ['KNOX-METADATA', 'KNOX-SESSION'] as const

/**
 * `KNOX-METADATA` and `KNOX-SESSION`, as far as Knox's pages for tokens read them: whether tokens are managed here, who
 * is looking, and whose tokens they may see.
 */
export function createPageService(
  role: (typeof PAGE_SERVICE_ROLES)[number],
  { version, seeingAll }: { readonly version: string; readonly seeingAll: readonly string[] },
): KnoxService {
  const path = role === 'KNOX-METADATA' ? '/api/v1/metadata/info' : '/session/api/v1/sessioninfo'
  return {
    role,
    // Knox opens every path for the first of them; that would hide the others.
    matches: (asked) => asked === path || (role === 'KNOX-METADATA' && asked.startsWith('/api/v1/metadata/')),
    answer(request, principal) {
      requireGet(request, path)
      const facts =
        role === 'KNOX-METADATA'
          ? { generalProxyInfo: { version, enableTokenManagement: 'true' } }
          : { sessioninfo: sessionInfo(principal, seeingAll) }
      return Promise.resolve(json(facts))
    },
  }
}

function sessionInfo({ effective }: Principal, seeingAll: readonly string[]): object {
  return {
    user: effective,
    canSeeAllTokens: seeingAll.includes(effective),
    // There are no cookies of single sign-on here.
    currentKnoxSsoCookieTokenId: null,
  }
}

function requireGet({ http, path }: KnoxRequest, only: string): void {
  if (path !== only) throw new KnoxRefusal(404)
  if (http.method !== 'GET') throw new KnoxRefusal(405, undefined, { Allow: 'GET' })
}

function json(value: object): HttpReply {
  return {
    status: 200,
    headers: { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' },
    body: JSON.stringify(value),
  }
}
