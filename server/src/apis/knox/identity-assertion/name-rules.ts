import { TopologyProblem } from '../topologies/topology-problem.ts'
import type { Params, Provider } from '../topology.ts'

/** How a kind of identity assertion changes names, besides the mappings that all of them know. */
export type NameRules = {
  readonly principal: (name: string) => string
  readonly group: (group: string) => string
}

/**
 * The rules of a provider: `Default` and `Pseudo` change nothing, `Concat` puts something before and behind, `SwitchCase`
 * changes letters, `Regex` takes names apart.
 *
 * @throws {TopologyProblem} a parameter cannot be understood.
 */
export function nameRulesOf({ name, params }: Provider, file: string): NameRules {
  const where = `${file}: provider "${name}" of role "identity-assertion"`
  switch (name) {
    case 'Concat':
      return concat(params)
    case 'SwitchCase':
      return switchCase(params, where)
    case 'Regex':
      return regex(params, where)
    default:
      return { principal: same, group: same }
  }
}

const same = (name: string): string => name

function concat(params: Params): NameRules {
  const prefix = params.get('concat.prefix') ?? ''
  const suffix = params.get('concat.suffix') ?? ''
  return { principal: (name) => `${prefix}${name}${suffix}`, group: same }
}

const CASES: ReadonlyMap<string, (name: string) => string> = new Map([
  // A server's own language must not decide what letters become.
  ['lower', (name: string) => name.toLowerCase()],
  ['upper', (name: string) => name.toUpperCase()],
  ['none', same],
])

function switchCase(params: Params, where: string): NameRules {
  const principal = params.get('principal.case') ?? 'lower'
  return {
    principal: caseOf(principal, `${where}: parameter "principal.case"`),
    group: caseOf(
      params.get('group.principal.case') ?? principal,
      `${where}: parameter "group.principal.case"`,
    ),
  }
}

function caseOf(name: string, where: string): (name: string) => string {
  const change = CASES.get(name.trim().toLowerCase())
  if (change !== undefined) return change
  throw new TopologyProblem(`${where} is "${name}", and lower, upper and none are known`)
}

/** Longest name that is matched with an expression of the operator. */
const MATCHED_LENGTH_MAX = 512

function regex(params: Params, where: string): NameRules {
  const pattern = params.get('input') ?? ''
  const template = params.get('output') ?? '{0}'
  const lookup = lookupOf(params.get('lookup') ?? '', where)
  const keepsUnknown = params.get('use.original.on.lookup.failure')?.trim().toLowerCase() === 'true'
  let expression: RegExp
  try {
    expression = new RegExp(`^(?:${pattern})$`, 'su')
  } catch (cause) {
    throw new TopologyProblem(`${where}: parameter "input" is no regular expression: ${String(cause)}`)
  }
  const principal = (name: string): string => {
    if (pattern === '' || name.length > MATCHED_LENGTH_MAX) return name
    const match = expression.exec(name)
    if (match === null) return name
    return template.replaceAll(
      /\{(\[?)(\d+)(\]?)\}/g,
      (whole, open: string, group: string, close: string) => {
        if ((open === '') !== (close === '')) return whole
        const found = match[Number(group)] ?? ''
        if (open === '') return found
        return lookup.get(found) ?? (keepsUnknown ? found : '')
      },
    )
  }
  return { principal, group: same }
}

function lookupOf(text: string, where: string): ReadonlyMap<string, string> {
  const entries = text
    .split(';')
    .filter((part) => part.trim() !== '')
    .map((part): [string, string] => {
      const at = part.indexOf('=')
      if (at > 0) return [part.slice(0, at).trim(), part.slice(at + 1).trim()]
      throw new TopologyProblem(`${where}: parameter "lookup": "${part}" must be of the form "from=to"`)
    })
  return new Map(entries)
}
