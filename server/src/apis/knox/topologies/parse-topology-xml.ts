import { parseXml, type XmlElement } from './parse-xml.ts'
import type { RawProvider, RawService, RawTopology } from './raw-topology.ts'
import { TopologyProblem } from './topology-problem.ts'

/**
 * Reads a topology file of Knox. Its element `<name>` counts for nothing: the name of the file does.
 *
 * @throws {TopologyProblem}
 */
export function parseTopologyXml(text: string, file: string): RawTopology {
  const root = parseXml(text, file)
  if (root.name !== 'topology') {
    throw new TopologyProblem(`${file} begins with <${root.name}>, and a topology begins with <topology>`)
  }
  const gateways = childrenNamed(root, 'gateway')
  const applications = childrenNamed(root, 'application').map((element) => textIn(element, 'name') ?? '')
  const ignored = [
    ...unknownIn(root, [
      'name',
      'path',
      'generated',
      'version',
      'redeployTime',
      'gateway',
      'service',
      'application',
    ]),
    ...gateways.flatMap((gateway) => unknownIn(gateway, ['provider'])),
  ]
  return {
    providers: gateways.flatMap((gateway) => providersIn(gateway, file)),
    services: childrenNamed(root, 'service').map((element) => serviceOf(element, file)),
    applications,
    ignored,
  }
}

/** The providers in `<gateway>`, or in a file of shared providers. @throws {TopologyProblem} */
export function providersIn(gateway: XmlElement, file: string): readonly RawProvider[] {
  return childrenNamed(gateway, 'provider').map((element) => {
    const role = textIn(element, 'role') ?? ''
    const name = textIn(element, 'name') ?? ''
    if (role === '') throw new TopologyProblem(`${file}: provider "${name}" has no role`)
    const where = `${file}: provider "${name}" of role "${role}"`
    return {
      role,
      name,
      enabled: isEnabled(textIn(element, 'enabled'), where),
      params: paramsOf(element, where),
    }
  })
}

function serviceOf(element: XmlElement, file: string): RawService {
  const role = textIn(element, 'role') ?? ''
  if (role === '') throw new TopologyProblem(`${file}: a service has no role`)
  return {
    role,
    urls: childrenNamed(element, 'url').map((url) => url.text),
    params: paramsOf(element, `${file}: service "${role}"`),
  }
}

/** Knox's parser takes everything but "true" for false; a typo would quietly take a guard away. */
function isEnabled(text: string | undefined, where: string): boolean {
  if (text === undefined || text === '') return true
  const value = text.toLowerCase()
  if (value === 'true' || value === 'false') return value === 'true'
  throw new TopologyProblem(`${where}: "enabled" is "${text}", and only true and false are known`)
}

function paramsOf(element: XmlElement, where: string): ReadonlyMap<string, string> {
  const params = new Map<string, string>()
  for (const param of childrenNamed(element, 'param')) {
    const name = textIn(param, 'name') ?? param.attributes.get('name') ?? ''
    const value = textIn(param, 'value') ?? param.attributes.get('value')
    if (name === '') throw new TopologyProblem(`${where}: a parameter has no name`)
    if (value === undefined) throw new TopologyProblem(`${where}: parameter "${name}" has no value`)
    if (params.has(name)) throw new TopologyProblem(`${where}: parameter "${name}" is given twice`)
    params.set(name, value)
  }
  return params
}

function childrenNamed(element: XmlElement, name: string): readonly XmlElement[] {
  return element.children.filter((child) => child.name === name)
}

function textIn(element: XmlElement, name: string): string | undefined {
  return element.children.find((child) => child.name === name)?.text
}

function unknownIn(element: XmlElement, known: readonly string[]): readonly string[] {
  return element.children.filter((child) => !known.includes(child.name)).map((child) => `<${child.name}>`)
}
