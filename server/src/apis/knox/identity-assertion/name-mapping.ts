import { TopologyProblem } from '../topologies/topology-problem.ts'

/** Names by the name that they become. */
export type NameMapping = ReadonlyMap<string, string>

/**
 * Reads `a,b=c;d=e`: a and b become c, d becomes e.
 *
 * @throws {TopologyProblem} a part has no `=`, or nothing on one side of it.
 */
export function parseNameMapping(text: string, where: string): NameMapping {
  const mapping = new Map<string, string>()
  for (const part of text.split(';').filter((each) => each.trim() !== '')) {
    const [names = '', to = '', ...more] = part.split('=').map((each) => each.trim())
    const from = names
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== '')
    if (from.length === 0 || to === '' || more.length > 0) {
      throw new TopologyProblem(`${where}: "${part.trim()}" must be of the form "name,name=other"`)
    }
    for (const name of from) mapping.set(name, to)
  }
  return mapping
}

/** Groups that a name is given besides its own, by name; `*` stands for every name. */
export type GroupMapping = ReadonlyMap<string, readonly string[]>

/**
 * Reads `*=users;hdfs=admin,other`: everybody is in users, hdfs in admin and other as well.
 *
 * @throws {TopologyProblem}
 */
export function parseGroupMapping(text: string, where: string): GroupMapping {
  const mapping = new Map<string, string[]>()
  for (const part of text.split(';').filter((each) => each.trim() !== '')) {
    const [names = '', groups = '', ...more] = part.split('=')
    const from = listOf(names)
    const to = listOf(groups)
    if (from.length === 0 || to.length === 0 || more.length > 0) {
      throw new TopologyProblem(`${where}: "${part.trim()}" must be of the form "name,name=group,group"`)
    }
    for (const name of from) mapping.set(name, [...(mapping.get(name) ?? []), ...to])
  }
  return mapping
}

/** The groups that a mapping gives a name. */
export function mappedGroups(mapping: GroupMapping, name: string): readonly string[] {
  return [...(mapping.get('*') ?? []), ...(mapping.get(name) ?? [])]
}

function listOf(text: string): readonly string[] {
  return text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
}
