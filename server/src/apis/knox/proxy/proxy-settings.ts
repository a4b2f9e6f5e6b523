import { headerName, type IdentityHeaders, identityHeadersOf } from '../identity-headers.ts'
import { TopologyProblem } from '../topologies/topology-problem.ts'
import type { Params, TopologyService } from '../topology.ts'

/** What a topology says of a service that is passed on. Times in ms. */
export type ProxySettings = {
  /** Where it is below the topology, such as `/openai`. */
  readonly path: string
  /** Where requests go, the first one first; paths without a slash at their end. */
  readonly upstreams: readonly URL[]
  /** Headers that every request to the upstream gets; names in lower case. */
  readonly addedHeaders: ReadonlyMap<string, string>
  readonly identity: IdentityHeaders
  /** How long one upstream may take to accept a connection. */
  readonly connectTimeoutMs: number
  /** How long the upstream may take to answer once it has the whole request. */
  readonly firstByteTimeoutMs: number
  /** How long nothing at all may pass while a request or an answer is on its way. */
  readonly idleTimeoutMs: number
  /** Most requests, and WebSockets, at once. */
  readonly concurrentMax: number
  /** Longest body of a request. */
  readonly bodyBytesMax: number
  /** Whom to trust instead of the usual authorities, as PEM. */
  readonly certificates: string | undefined
  /** Whether answers that are on their way are cut when the key ends that asked for them. */
  readonly cutsStreams: boolean
}

const PREFIX = 'proxy.'
const HEADER = 'proxy.header.'

/** Numbers by the names of their parameters. */
const NUMBERS = {
  'proxy.connectTimeoutMs': { initial: 5_000, max: 600_000 },
  // The patience of OpenAI's own clients.
  'proxy.firstByteTimeoutMs': { initial: 600_000, max: 86_400_000 },
  'proxy.idleTimeoutMs': { initial: 300_000, max: 86_400_000 },
  'proxy.concurrentMax': { initial: 256, max: 100_000 },
  'proxy.bodyBytesMax': { initial: 1_073_741_824, max: 1_099_511_627_776 },
} as const

const OTHERS = ['proxy.path', 'proxy.authorization', 'proxy.certificates', 'proxy.cutStreams']

/**
 * Reads a service that is passed on: its URLs, and its parameters `proxy.…`; see the guide.
 *
 * @throws {TopologyProblem} one of them cannot be understood, or is not known.
 */
export function proxySettingsOf(
  { role, urls, params }: TopologyService,
  file: string,
  readCertificates: (path: string) => string,
): ProxySettings {
  const where = `${file}: service "${role}"`
  for (const name of params.keys()) {
    const isKnown = !name.startsWith(PREFIX) || name in NUMBERS || OTHERS.includes(name)
    if (!isKnown && !name.startsWith(HEADER)) {
      throw new TopologyProblem(`${where}: parameter "${name}" is not known here`)
    }
  }
  return {
    path: pathOf(params.get('proxy.path')?.trim() ?? `/${role.toLowerCase()}`, where),
    upstreams: upstreamsOf(urls, where),
    addedHeaders: addedHeadersOf(params, where),
    identity: identityHeadersOf(params, where),
    connectTimeoutMs: numberOf(params, 'proxy.connectTimeoutMs', where),
    firstByteTimeoutMs: numberOf(params, 'proxy.firstByteTimeoutMs', where),
    idleTimeoutMs: numberOf(params, 'proxy.idleTimeoutMs', where),
    concurrentMax: numberOf(params, 'proxy.concurrentMax', where),
    bodyBytesMax: numberOf(params, 'proxy.bodyBytesMax', where),
    certificates: certificatesOf(params.get('proxy.certificates')?.trim() ?? '', where, readCertificates),
    cutsStreams: switchOf(params, 'proxy.cutStreams', where),
  }
}

function pathOf(path: string, where: string): string {
  const isPlain = /^(?:\/[A-Za-z0-9_~.-]+)+$/.test(path) && !/\/\.\.?(?:\/|$)/.test(path)
  if (isPlain) return path
  throw new TopologyProblem(
    `${where}: its path would be "${path}"; set "proxy.path" to one such as "/openai"`,
  )
}

function upstreamsOf(urls: readonly string[], where: string): readonly URL[] {
  if (urls.length === 0) throw new TopologyProblem(`${where}: has no <url> to pass requests to`)
  return urls.map((text) => {
    const url = URL.canParse(text.trim()) ? new URL(text.trim()) : undefined
    const scheme = url === undefined ? undefined : SCHEMES.get(url.protocol)
    if (url === undefined || scheme === undefined) {
      throw new TopologyProblem(`${where}: <url> is "${text}", and must begin with http:// or https://`)
    }
    if (url.username !== '' || url.password !== '') {
      throw new TopologyProblem(`${where}: <url> must hold no password; there is "proxy.authorization"`)
    }
    if (url.search !== '' || url.hash !== '') {
      throw new TopologyProblem(`${where}: <url> is "${text}", and must end with its path`)
    }
    return new URL(`${scheme}//${url.host}${url.pathname.replace(/\/+$/, '')}`)
  })
}

/** WebSockets begin as HTTP, so that services for both have either scheme. */
const SCHEMES: ReadonlyMap<string, string> = new Map([
  ['http:', 'http:'],
  ['https:', 'https:'],
  ['ws:', 'http:'],
  ['wss:', 'https:'],
])

function addedHeadersOf(params: Params, where: string): ReadonlyMap<string, string> {
  const headers = new Map<string, string>()
  for (const [param, value] of params) {
    const name = param === 'proxy.authorization' ? 'authorization' : param.slice(HEADER.length)
    if (param !== 'proxy.authorization' && !param.startsWith(HEADER)) continue
    // The value is a secret as a rule, and not to be shown.
    if (!/^[ -~]+$/.test(value.trim())) {
      throw new TopologyProblem(`${where}: parameter "${param}" cannot be sent as a header`)
    }
    headers.set(headerName(name, where).toLowerCase(), value.trim())
  }
  return headers
}

function certificatesOf(path: string, where: string, read: (path: string) => string): string | undefined {
  if (path === '') return undefined
  try {
    return read(path)
  } catch (error) {
    const why = error instanceof Error ? error.message : 'unknown'
    throw new TopologyProblem(`${where}: parameter "proxy.certificates": cannot read "${path}": ${why}`)
  }
}

function numberOf(params: Params, name: keyof typeof NUMBERS, where: string): number {
  const { initial, max } = NUMBERS[name]
  const text = params.get(name)?.trim()
  if (text === undefined) return initial
  const value = Number(text)
  if (/^\d+$/.test(text) && value >= 1 && value <= max) return value
  throw new TopologyProblem(
    `${where}: parameter "${name}" is "${text}", and must be a whole number, 1 to ${max}`,
  )
}

function switchOf(params: Params, name: string, where: string): boolean {
  const text = params.get(name)?.trim().toLowerCase() ?? 'false'
  if (text === 'true' || text === 'false') return text === 'true'
  throw new TopologyProblem(`${where}: parameter "${name}" is "${text}", and must be true or false`)
}
