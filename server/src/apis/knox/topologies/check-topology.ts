import {
  PROVIDER_ROLES,
  type Provider,
  type ProviderRole,
  type Topology,
  type TopologyService,
} from '../topology.ts'
import type { RawProvider, RawService, RawTopology } from './raw-topology.ts'
import { TopologyProblem } from './topology-problem.ts'
import { topologyNotes, topologyWarnings } from './topology-warnings.ts'

/** Providers that are offered, by role. */
export const SUPPORTED_PROVIDERS: Readonly<Record<ProviderRole, readonly string[]>> = {
  webappsec: ['WebAppSec'],
  authentication: ['ShiroProvider', 'Anonymous', 'RemoteAuthProvider'],
  federation: ['HeaderPreAuth', 'JWTProvider'],
  'identity-assertion': ['Default', 'Pseudo', 'Concat', 'SwitchCase', 'Regex'],
  authorization: ['AclsAuthz'],
}

/** Providers of Knox that only matter to services which are not offered here: without them nothing is less guarded. */
const HARMLESS_ROLES = ['hostmap', 'ha', 'dispatch']

/** Services that are offered, besides those that are proxied. */
export const SUPPORTED_SERVICES = [
  'APIKEY',
  'CLIENTID',
  'KNOXTOKEN',
  'KNOX-AUTH-SERVICE',
  'KNOX-METADATA',
  'KNOX-SESSION',
] as const

/** What a topology is checked against. */
export type TopologyRules = {
  /** Roles of services that are proxied to their URL. */
  readonly proxiedRoles: readonly string[]
  /** The value of `${ALIAS=name}`; undefined: there is none. */
  readonly aliasValue: (name: string) => string | undefined
  /** Whether certificates of clients are looked at; absent: they are not. */
  readonly certificatesCount?: boolean
}

/** A topology that can be offered, what of its file is not, and what is worth knowing besides. */
export type CheckedTopology = {
  readonly topology: Topology
  readonly warnings: readonly string[]
  readonly notes: readonly string[]
}

/**
 * Makes a topology of what a file says, or says why not: nothing is offered that its file would guard otherwise.
 *
 * @throws {TopologyProblem}
 */
export function checkTopology(
  raw: RawTopology,
  { name, file }: { readonly name: string; readonly file: string },
  rules: TopologyRules,
): CheckedTopology {
  const warnings = [
    ...raw.ignored.map((what) => `${file}: ignored ${what}`),
    ...raw.applications.map((application) => `${file}: ignored application "${application}"`),
    ...harmless(raw).map(
      (provider) => `${file}: ignored provider "${provider.name}" of role "${provider.role}"`,
    ),
  ]
  const providers = providersOf(raw, file, rules)
  checkAuthentication(raw, providers, file)
  const services: TopologyService[] = []
  for (const service of raw.services) {
    const problem = serviceProblem(service, rules)
    if (problem === undefined) services.push({ ...service, params: resolved(service.params, file, rules) })
    else warnings.push(`${file}: service "${service.role}" ${problem}`)
  }
  checkServices(services, file)
  const topology = { name, file, providers, services }
  return {
    topology,
    warnings: [...warnings, ...topologyWarnings(topology, rules.certificatesCount ?? false)],
    notes: topologyNotes(topology),
  }
}

function harmless(raw: RawTopology): readonly RawProvider[] {
  return raw.providers.filter(({ role, enabled }) => enabled && HARMLESS_ROLES.includes(role))
}

function providersOf(raw: RawTopology, file: string, rules: TopologyRules): readonly Provider[] {
  const providers = raw.providers
    .filter(({ enabled, role }) => enabled && !HARMLESS_ROLES.includes(role))
    .map((provider): Provider => {
      const { role } = provider
      if (isProviderRole(role) && SUPPORTED_PROVIDERS[role].includes(provider.name)) {
        return { role, name: provider.name, params: resolved(provider.params, file, rules) }
      }
      const supported = isProviderRole(role) ? SUPPORTED_PROVIDERS[role] : undefined
      throw new TopologyProblem(
        `${file}: Failed to contribute provider. Role: ${role} Name: ${provider.name}. Supported ${
          supported === undefined ? `roles: ${PROVIDER_ROLES.join(', ')}` : `names: ${supported.join(', ')}`
        }`,
      )
    })
  for (const role of PROVIDER_ROLES) {
    const names = providers.filter((provider) => provider.role === role).map(({ name }) => `"${name}"`)
    if (names.length > 1) {
      throw new TopologyProblem(
        `${file}: role "${role}" has ${names.length} enabled providers, ${names.join(' and ')}; one is the limit`,
      )
    }
  }
  if (providers.some(({ role }) => role === 'identity-assertion')) return providers
  return [...providers, { role: 'identity-assertion', name: 'Default', params: new Map() }]
}

function checkAuthentication(raw: RawTopology, providers: readonly Provider[], file: string): void {
  const authenticating = providers.filter(({ role }) => role === 'authentication' || role === 'federation')
  if (authenticating.length === 1) return
  if (authenticating.length > 1) {
    throw new TopologyProblem(
      `${file}: both authentication "${authenticating[0]?.name}" and federation "${authenticating[1]?.name}" are enabled; one of them must be disabled`,
    )
  }
  const disabled = raw.providers.find(({ role }) => role === 'authentication' || role === 'federation')
  throw new TopologyProblem(
    disabled === undefined
      ? `${file}: no provider of role "authentication" or "federation": nobody could be told apart`
      : `${file}: provider "${disabled.name}" of role "${disabled.role}" is disabled, and there is no other: nobody could be told apart`,
  )
}

function serviceProblem({ role, urls }: RawService, { proxiedRoles }: TopologyRules): string | undefined {
  const isSupported = SUPPORTED_SERVICES.some((supported) => supported === role)
  if (isSupported) return undefined
  if (!proxiedRoles.includes(role)) return 'is not offered here, and not in the setting `knox.proxiedRoles`'
  return urls.length === 0 ? 'has no <url> to pass requests to' : undefined
}

function checkServices(services: readonly TopologyService[], file: string): void {
  const roles = services.map(({ role }) => role)
  const twice = roles.find((role, index) => roles.indexOf(role) !== index)
  if (twice !== undefined) throw new TopologyProblem(`${file}: service "${twice}" is there twice`)
  for (const { role, params } of services) {
    const unmanaged = MANAGED.find((name) => (params.get(name) ?? 'true').trim().toLowerCase() !== 'true')
    if (unmanaged === undefined) continue
    // Knox would answer 403 to every request for a key.
    throw new TopologyProblem(
      `${file}: service "${role}": parameter "${unmanaged}" must be true, because API keys are always managed by the server`,
    )
  }
}

const MANAGED = ['apikey.knox.token.exp.server-managed', 'clientid.knox.token.exp.server-managed']

/** `${ALIAS=name}` replaced. @throws {TopologyProblem} there is no such alias. */
function resolved(
  params: ReadonlyMap<string, string>,
  file: string,
  { aliasValue }: TopologyRules,
): ReadonlyMap<string, string> {
  return new Map(
    [...params].map(([param, value]) => [
      param,
      value.replaceAll(/\$\{ALIAS=([^}]*)\}/g, (_, alias: string) => {
        const found = aliasValue(alias)
        if (found !== undefined) return found
        throw new TopologyProblem(`${file}: parameter "${param}" uses the alias "${alias}", which is not set`)
      }),
    ]),
  )
}

function isProviderRole(role: string): role is ProviderRole {
  return PROVIDER_ROLES.some((known) => known === role)
}
