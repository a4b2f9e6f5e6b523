import { parse as parseYaml } from 'yaml'
import { isJsonObject, type JsonObject, type JsonValue } from '../../../core/json.ts'
import { parseTopologyXml, providersIn } from './parse-topology-xml.ts'
import { parseXml } from './parse-xml.ts'
import type { RawProvider, RawService, RawTopology } from './raw-topology.ts'
import { TopologyProblem } from './topology-problem.ts'

/** Finds the shared providers of a name; undefined: there is no such file. @throws {TopologyProblem} */
export type SharedProviders = (name: string) => readonly RawProvider[] | undefined

/** Services that Knox keeps although they have neither URLs nor parameters. */
const KEPT_WHEN_BARE = ['KNOX', 'KNOX-METADATA', 'KNOXSSOUT', 'KNOX-SESSION', 'APIKEY', 'CLIENTID', 'HEALTH']

/** Most aliases that a YAML file may unfold: some lines could otherwise stand for more than memory holds. */
const YAML_ALIASES_MAX = 50

/**
 * Reads a simple descriptor of Knox, JSON or YAML.
 *
 * @throws {TopologyProblem} also when it asks for service discovery, which is not offered.
 */
export function parseDescriptor(text: string, file: string, shared: SharedProviders): RawTopology {
  const descriptor = documentOf(text, file)
  const discovery = descriptor['discovery-type']
  if (discovery !== undefined && discovery !== null && discovery !== '') {
    throw new TopologyProblem(
      `${file}: "discovery-type" is "${discovery}", and services are not discovered here: give their "urls"`,
    )
  }
  const reference = textOf(descriptor, 'provider-config-ref', file)
  const providers = reference === undefined ? undefined : shared(baseName(reference))
  if (providers === undefined) {
    throw new TopologyProblem(
      `${file}: Unresolved provider configuration reference: ${reference ?? '(none)'}`,
    )
  }
  const services = listOf(descriptor, 'services', file).map((service) => serviceOf(service, file))
  const bare = services.filter((service) => isBare(service) && !KEPT_WHEN_BARE.includes(service.role))
  return {
    providers,
    services: services.filter((service) => !bare.includes(service)),
    applications: listOf(descriptor, 'applications', file).map(({ name }) => String(name ?? '')),
    ignored: bare.map(({ role }) => `service "${role}", which has neither "urls" nor "params"`),
  }
}

/** Reads a file of shared providers: JSON, YAML or XML, by its extension. @throws {TopologyProblem} */
export function parseSharedProviders(text: string, file: string): readonly RawProvider[] {
  if (!file.endsWith('.xml')) {
    return listOf(documentOf(text, file), 'providers', file).map((provider) => providerOf(provider, file))
  }
  const root = parseXml(text, file)
  return root.name === 'topology' ? parseTopologyXml(text, file).providers : providersIn(root, file)
}

function documentOf(text: string, file: string): JsonObject {
  let value: unknown
  try {
    value = file.endsWith('.json') ? JSON.parse(text) : parseYaml(text, { maxAliasCount: YAML_ALIASES_MAX })
  } catch (error) {
    throw new TopologyProblem(
      `${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`,
    )
  }
  if (isJsonObject(value)) return value
  throw new TopologyProblem(`${file} must hold an object`)
}

function providerOf(provider: JsonObject, file: string): RawProvider {
  const role = textOf(provider, 'role', file) ?? ''
  const name = textOf(provider, 'name', file) ?? ''
  if (role === '') throw new TopologyProblem(`${file}: provider "${name}" has no role`)
  const where = `${file}: provider "${name}" of role "${role}"`
  const enabled = String(provider['enabled'] ?? 'true').toLowerCase()
  if (enabled !== 'true' && enabled !== 'false') {
    throw new TopologyProblem(`${where}: "enabled" is "${enabled}", and only true and false are known`)
  }
  return { role, name, enabled: enabled === 'true', params: paramsOf(provider, where) }
}

function serviceOf(service: JsonObject, file: string): RawService {
  const role = textOf(service, 'name', file) ?? textOf(service, 'role', file) ?? ''
  if (role === '') throw new TopologyProblem(`${file}: a service has no "name"`)
  const where = `${file}: service "${role}"`
  const urls = service['urls'] ?? []
  if (!Array.isArray(urls) || urls.some((url) => typeof url !== 'string')) {
    throw new TopologyProblem(`${where}: "urls" must be a list of texts`)
  }
  return { role, urls: urls.map(String), params: paramsOf(service, where) }
}

function isBare({ urls, params }: RawService): boolean {
  return urls.length === 0 && params.size === 0
}

function paramsOf(owner: JsonObject, where: string): ReadonlyMap<string, string> {
  const params = owner['params'] ?? {}
  if (!isJsonObject(params)) throw new TopologyProblem(`${where}: "params" must be an object`)
  return new Map(
    Object.entries(params).map(([name, value]) => [name, scalarOf(value, `${where}: parameter "${name}"`)]),
  )
}

function scalarOf(value: JsonValue, what: string): string {
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  throw new TopologyProblem(`${what} must be a text, a number, true or false`)
}

function textOf(owner: JsonObject, name: string, file: string): string | undefined {
  const value = owner[name]
  if (value === undefined || value === null) return undefined
  if (typeof value === 'string') return value
  throw new TopologyProblem(`${file}: "${name}" must be a text`)
}

function listOf(owner: JsonObject, name: string, file: string): readonly JsonObject[] {
  const value = owner[name] ?? []
  if (Array.isArray(value) && value.every(isJsonObject)) return value
  throw new TopologyProblem(`${file}: "${name}" must be a list of objects`)
}

/** Knox takes the reference with and without extension, and with a path before it. */
function baseName(reference: string): string {
  return reference.replace(/^.*[\\/]/s, '').replace(/\.(?:json|ya?ml|xml)$/i, '')
}
