import type { ServiceParams } from '../service-params.ts'
import { TopologyProblem } from '../topologies/topology-problem.ts'
import { canonicalNames } from './certificate-name.ts'

/** The kinds of token services. */
export type TokenKind = 'APIKEY' | 'CLIENTID' | 'KNOXTOKEN'

/** The parameters of a token service, read once. */
export type TokenSettings = {
  /** Life of tokens and cap of `lifespan`, in ms; undefined: for ever. */
  readonly ttlMs: number | undefined
  /** Most tokens of one user; undefined: no limit. */
  readonly perUserMax: number | undefined
  readonly whenExceeded: 'refuse' | 'remove_oldest'
  readonly renewIntervalMs: number
  /** From issue; undefined: renewal has no end. */
  readonly maxLifetimeMs: number | undefined
  readonly renewers: readonly string[]
  readonly renewerGroups: readonly string[]
  /** Names in certificates of clients, one of which is needed, as `canonicalName` writes them; undefined: none is. */
  readonly clientNames: readonly string[] | undefined
  readonly groupsAllowed: boolean
  readonly lifespanAllowed: boolean
  readonly allowedBackends: readonly string[] | undefined
  readonly audiences: readonly string[]
  readonly targetUrl: string | undefined
  /** What clients shall trust of that target; as it was written. */
  readonly certificate: string | undefined
  /** Further members of the answer. */
  readonly clientData: readonly (readonly [name: string, value: string])[]
  readonly algorithm: SigningAlgorithm | HmacAlgorithm
  readonly tokenType: string
  readonly issuer: string
  readonly isDelegated: boolean
  /** Whether tokens of `CLIENTID` act under their own id rather than for their owner. */
  readonly isThirdPartyApp: boolean
}

/** Algorithms with which tokens are signed here. */
export const SIGNING_ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'EdDSA',
] as const
export type SigningAlgorithm = (typeof SIGNING_ALGORITHMS)[number]

/** Those that need a secret, which whoever checks tokens has to know as well. */
export const HMAC_ALGORITHMS = ['HS256', 'HS384', 'HS512'] as const
export type HmacAlgorithm = (typeof HMAC_ALGORITHMS)[number]

/** Whether an algorithm needs the secret. */
export function isHmac(algorithm: SigningAlgorithm | HmacAlgorithm): algorithm is HmacAlgorithm {
  return HMAC_ALGORITHMS.some((name) => name === algorithm)
}

/** What Knox takes when nothing is said: keys live for ever, other tokens for 30 seconds. */
const TTL_MS: Readonly<Record<TokenKind, number | undefined>> = {
  APIKEY: undefined,
  CLIENTID: undefined,
  KNOXTOKEN: 30_000,
}

/**
 * Reads the parameters of a token service.
 *
 * @throws {TopologyProblem} a value cannot be understood: Knox takes others instead, for instance keys of 30 seconds.
 */
export function tokenSettingsOf(
  kind: TokenKind,
  params: ServiceParams,
  {
    where,
    perUserMax,
    hmacSecretBytes,
  }: {
    readonly where: string
    readonly perUserMax: number
    /** Length of the secret for HS256, HS384 and HS512; absent: there is none. */
    readonly hmacSecretBytes?: number | undefined
  },
): TokenSettings {
  const read = readerOf(params, where)
  const limit = read.number('limit.per.user', perUserMax)
  const maxLifetimeMs = read.number('exp.max-lifetime', 604_800_000)
  return {
    ttlMs: read.ttl(TTL_MS[kind]),
    perUserMax: limit === -1 ? undefined : read.atLeast('limit.per.user', limit, 1),
    whenExceeded: read.choice('user.limit.exceeded.action', {
      RETURN_ERROR: 'refuse',
      REMOVE_OLDEST: 'remove_oldest',
    }),
    renewIntervalMs: read.atLeast('exp.renew-interval', read.number('exp.renew-interval', 86_400_000), 1),
    maxLifetimeMs: maxLifetimeMs < 0 ? undefined : maxLifetimeMs,
    renewers: read.list('renewer.whitelist'),
    renewerGroups: read.list('renewer.group.whitelist'),
    clientNames: read.flag('client.cert.required', false)
      ? canonicalNames(read.text('allowed.principals') ?? '')
      : undefined,
    groupsAllowed: read.flag('include.groups.allowed', true),
    lifespanAllowed: read.flag('lifespan.input.enabled', true),
    allowedBackends:
      read.text('exp.tokengen.allowed.tss.backends') === undefined
        ? undefined
        : read.list('exp.tokengen.allowed.tss.backends'),
    audiences: read.list('audiences'),
    targetUrl: read.text('target.url'),
    certificate: read.text('target.endpoint.cert.pem'),
    clientData: clientDataOf(read.text('client.data') ?? ''),
    algorithm: algorithmOf(kind, read, { where, secretBytes: hmacSecretBytes }),
    tokenType: read.text('type') ?? 'JWT',
    issuer: read.text('issuer') ?? 'KNOXSSO',
    isDelegated: read.flag('enable.delegated.auth', false),
    // Any other text is false, as in Knox.
    isThirdPartyApp: (params.get('clientid.thirdPartyApp') ?? 'true').trim().toLowerCase() === 'true',
  }
}

/** With a secret HS256 counts when nothing is said, as in Knox. */
function algorithmOf(
  kind: TokenKind,
  read: ReturnType<typeof readerOf>,
  { where, secretBytes }: { readonly where: string; readonly secretBytes: number | undefined },
): SigningAlgorithm | HmacAlgorithm {
  const isFirst = secretBytes !== undefined && kind === 'KNOXTOKEN'
  const names = isFirst
    ? [...HMAC_ALGORITHMS, ...SIGNING_ALGORITHMS]
    : [...SIGNING_ALGORITHMS, ...HMAC_ALGORITHMS]
  const algorithm = read.choice('sigalg', Object.fromEntries(names.map((name) => [name, name])))
  if (!isHmac(algorithm) || kind !== 'KNOXTOKEN') return algorithm
  const least = Number(algorithm.slice(2)) / 8
  if ((secretBytes ?? 0) >= least) return algorithm
  // RFC 7518 section 3.2: a shorter one could be guessed.
  throw new TopologyProblem(
    `${where}: signing with ${algorithm} needs the alias "gateway.signing.hmac.secret" in the setting knox.aliases, with at least ${least} bytes`,
  )
}

function readerOf(params: ServiceParams, where: string) {
  const nameOf = (name: string) => `knox.token.${name}`
  const problem = (name: string, text: string | number, wanted: string): TopologyProblem => {
    const source = params.sourceOf(nameOf(name)) ?? `"${nameOf(name)}"`
    return new TopologyProblem(`${where}: parameter ${source} is "${text}", and must be ${wanted}`)
  }
  const text = (name: string) => params.get(nameOf(name))?.trim()
  const number = (name: string, initial: number): number => {
    const given = text(name)
    if (given === undefined) return initial
    const value = Number(given)
    if (given !== '' && Number.isSafeInteger(value)) return value
    throw problem(name, given, 'a whole number')
  }
  return {
    text,
    number,
    atLeast(name: string, value: number, least: number): number {
      if (value >= least) return value
      throw problem(name, value, `-1 or at least ${least}`)
    },
    ttl(initial: number | undefined): number | undefined {
      const value = number('ttl', initial ?? -1)
      if (value === -1) return undefined
      if (value >= 1) return value
      throw problem('ttl', value, '-1 for ever, or ms of at least 1')
    },
    flag(name: string, initial: boolean): boolean {
      const given = text(name)
      return given === undefined ? initial : given.toLowerCase() === 'true'
    },
    list(name: string): readonly string[] {
      return (text(name) ?? '')
        .split(',')
        .map((each) => each.trim())
        .filter((each) => each !== '')
    },
    choice<T>(name: string, choices: Readonly<Record<string, T>>): T {
      const names = Object.keys(choices)
      const given = text(name) ?? names[0] ?? ''
      const found = Object.hasOwn(choices, given) ? choices[given] : undefined
      if (found !== undefined) return found
      throw problem(name, given, `one of ${names.join(', ')}`)
    },
  }
}

/** `k=v,k=v`: a value keeps everything behind the first `=`. */
function clientDataOf(text: string): readonly (readonly [string, string])[] {
  return text
    .split(',')
    .filter((pair) => pair.trim() !== '')
    .map((pair) => {
      const at = pair.indexOf('=')
      return at === -1 ? [pair.trim(), ''] : [pair.slice(0, at).trim(), pair.slice(at + 1)]
    })
}
