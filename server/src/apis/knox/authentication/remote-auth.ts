import { createHash } from 'node:crypto'
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { Authenticator } from '../knox-filter.ts'
import { KnoxRefusal, type KnoxRequest } from '../knox-request.ts'
import type { Authenticated } from '../principal.ts'
import { TopologyProblem } from '../topologies/topology-problem.ts'
import type { Params, Provider } from '../topology.ts'

/** How long the other server may take, in ms. */
const ANSWER_MAX_MS = 10_000

/** Answers that are remembered at most; the oldest are forgotten first. */
export const REMEMBERED_MAX = 10_000

/** Requests that wait for the other server at once; more are refused. */
export const ASKING_MAX = 500

/** What the other server is asked with. */
type Remote = {
  readonly url: URL
  /** Headers of the request that are passed on, in lower case. */
  readonly passed: readonly string[]
  readonly userHeader: string
  /** In lower case; with `*` at its end it stands for all headers that begin so. */
  readonly groupHeader: string
  /** Header by whose value answers are remembered, and for how long; 0: not at all. */
  readonly cacheHeader: string
  readonly cacheMs: number
  readonly certificates: string | undefined
}

/**
 * `RemoteAuthProvider`: another server, such as a Knox with `KNOX-AUTH-SERVICE`, is shown the credentials of the request
 * and says in headers whose they are.
 *
 * Answers are remembered by the SHA-256 of what was shown; Knox takes a hash of 32 bits, which two callers may share.
 *
 * @throws {TopologyProblem}
 */
export function createRemoteAuth(
  { params }: Provider,
  where: string,
  {
    now,
    readCertificates,
  }: { readonly now: () => number; readonly readCertificates: (path: string) => string },
): Authenticator {
  const remote = remoteOf(params, where, readCertificates)
  const remembered = new Map<string, { readonly caller: Authenticated; readonly until: number }>()
  let asking = 0

  return async (request) => {
    const shown = request.http.headers[remote.cacheHeader]
    // Not shown at all, or twice: not worth a question, and never to be chosen from.
    if (typeof shown !== 'string') throw new KnoxRefusal(401, 'Authentication failed')
    const digest = createHash('sha256').update(shown).digest('base64')
    const known = remembered.get(digest)
    if (known !== undefined && known.until > now()) return known.caller
    remembered.delete(digest)
    if (asking >= ASKING_MAX) throw new KnoxRefusal(503, undefined, { 'Retry-After': '1' })
    asking += 1
    let caller: Authenticated | undefined
    try {
      caller = callerIn(await ask(remote, request), remote)
    } catch {
      throw new KnoxRefusal(500, 'Error processing authentication request')
    } finally {
      asking -= 1
    }
    if (caller === undefined) throw new KnoxRefusal(401, 'Authentication failed')
    if (remote.cacheMs > 0) remember(remembered, digest, { caller, until: now() + remote.cacheMs })
    return caller
  }
}

function remember<T>(remembered: Map<string, T>, digest: string, entry: T): void {
  remembered.set(digest, entry)
  if (remembered.size <= REMEMBERED_MAX) return
  for (const oldest of remembered.keys()) {
    remembered.delete(oldest)
    return
  }
}

type RemoteAnswer = { readonly status: number; readonly headers: IncomingHttpHeaders }

function ask({ url, passed, certificates }: Remote, { http }: KnoxRequest): Promise<RemoteAnswer> {
  const headers: Record<string, string> = {}
  for (const name of passed) {
    const value = http.headers[name]
    if (typeof value === 'string') headers[name] = value
  }
  const send = url.protocol === 'https:' ? httpsRequest : httpRequest
  return new Promise((resolve, reject) => {
    const asked = send(
      url,
      {
        method: 'GET',
        headers,
        timeout: ANSWER_MAX_MS,
        ...(certificates !== undefined && { ca: certificates }),
      },
      (answer) => {
        answer.resume()
        answer.once('error', reject)
        answer.once('end', () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers }))
      },
    )
    asked.once('timeout', () => asked.destroy(new Error(`No answer within ${ANSWER_MAX_MS} ms`)))
    asked.once('error', reject)
    asked.end()
  })
}

function callerIn({ status, headers }: RemoteAnswer, remote: Remote): Authenticated | undefined {
  const name = headers[remote.userHeader]
  if (status !== 200 || typeof name !== 'string' || name === '') return undefined
  const { groupHeader } = remote
  const isGroups = groupHeader.endsWith('*')
    ? (header: string) => header.startsWith(groupHeader.slice(0, -1))
    : (header: string) => header === groupHeader
  const groups = Object.entries(headers)
    .filter(([header]) => isGroups(header))
    .flatMap(([, value]) => String(value).split(','))
    .map((group) => group.trim())
    .filter((group) => group !== '')
  return { name, groups: [...new Set(groups)] }
}

function remoteOf(params: Params, where: string, readCertificates: (path: string) => string): Remote {
  const get = (name: string) => params.get(`remote.auth.${name}`)?.trim()
  const address = get('url') ?? ''
  if (!/^https?:/i.test(address) || !URL.canParse(address)) {
    throw new TopologyProblem(`${where}: parameter "remote.auth.url" is "${address}", and must be a URL`)
  }
  const minutes = Number(get('expire.after') ?? '0')
  if (!(minutes >= 0 && minutes <= MINUTES_MAX)) {
    throw new TopologyProblem(
      `${where}: parameter "remote.auth.expire.after" must be minutes, 0 to ${MINUTES_MAX}`,
    )
  }
  const cacheHeader = (get('cache.key') ?? 'Authorization').toLowerCase()
  const passed = (get('include.headers') ?? 'Authorization')
    .split(',')
    .map((name) => name.trim().toLowerCase())
  return {
    url: new URL(address),
    passed: [...new Set([...passed, cacheHeader])].filter((name) => name !== ''),
    userHeader: (get('user.header') ?? 'X-Knox-Actor-ID').toLowerCase(),
    groupHeader: (get('group.header') ?? 'X-Knox-Actor-Groups-*').toLowerCase(),
    cacheHeader,
    cacheMs: minutes * 60_000,
    certificates: certificatesOf(get('truststore.path'), get('truststore.type'), where, readCertificates),
  }
}

/** Longest time for which an answer may be remembered: a day. */
const MINUTES_MAX = 1_440

function certificatesOf(
  path: string | undefined,
  type: string | undefined,
  where: string,
  read: (path: string) => string,
): string | undefined {
  if (path === undefined || path === '') return undefined
  if (type?.toUpperCase() !== 'PEM') {
    throw new TopologyProblem(
      `${where}: parameter "remote.auth.truststore.type" is "${type ?? 'JKS'}", and only PEM can be read here`,
    )
  }
  try {
    return read(path)
  } catch (error) {
    throw new TopologyProblem(
      `${where}: cannot read "${path}": ${error instanceof Error ? error.message : 'unknown'}`,
    )
  }
}
