import type { IdentityAssertion } from '../knox-filter.ts'
import { KnoxRefusal, type KnoxRequest } from '../knox-request.ts'
import type { Authenticated } from '../principal.ts'
import { requestParameters } from '../request-parameters.ts'
import { TopologyProblem } from '../topologies/topology-problem.ts'
import type { Provider } from '../topology.ts'
import { createImpersonation } from './impersonation.ts'
import { mappedGroups, parseGroupMapping, parseNameMapping } from './name-mapping.ts'
import { nameRulesOf } from './name-rules.ts'

/** Longest name that somebody may act for. */
const DO_AS_LENGTH_MAX = 255

/**
 * Says for whom a request is done: `doAs` first, then the mapping of principals, then the rules of the provider. The
 * authenticated name stays the primary one.
 *
 * Without impersonation `doAs` counts for nothing, as in Knox.
 *
 * @throws {TopologyProblem} a parameter cannot be understood, or asks for expressions, which are not evaluated here.
 */
export function createIdentityAssertion(provider: Provider, file: string): IdentityAssertion {
  const { name, params } = provider
  const where = `${file}: provider "${name}" of role "identity-assertion"`
  for (const param of params.keys()) {
    if (param !== 'expression.principal.mapping' && !param.startsWith('group.mapping.')) continue
    throw new TopologyProblem(
      `${where}: parameter "${param}" holds an expression, and expressions are not evaluated`,
    )
  }
  const principals = parseNameMapping(
    params.get('principal.mapping') ?? '',
    `${where}: parameter "principal.mapping"`,
  )
  const groups = parseGroupMapping(
    params.get('group.principal.mapping') ?? '',
    `${where}: parameter "group.principal.mapping"`,
  )
  const rules = nameRulesOf(provider, file)
  const impersonation = createImpersonation(params)

  const groupsOf = (person: string, own: readonly string[]): readonly string[] => [
    ...new Set([...own.map(rules.group), ...mappedGroups(groups, person)]),
  ]

  return async (request, caller) => {
    const target = impersonation.isEnabled ? await targetOf(request, caller) : undefined
    if (target !== undefined) {
      // Of the target no groups are known but those that the mapping gives it.
      const other = { name: target, groups: mappedGroups(groups, target) }
      const refusal = impersonation.refusal(
        { ...caller, groups: groupsOf(caller.name, caller.groups) },
        other,
        request.address,
      )
      if (refusal !== undefined) throw new ImpersonationRefused(refusal)
    }
    const before = target ?? caller.name
    const effective = rules.principal(principals.get(before) ?? before)
    const own = target === undefined ? caller.groups : []
    return {
      ...caller,
      ...trustIn(effective, caller),
      effective,
      groups: groupsOf(effective, own),
      impersonated: target !== undefined,
    }
  }
}

/** Who proved to be a user of this server did so under the own name, and is nobody else by that. */
function trustIn(
  effective: string,
  { name, trust, assertedTrust }: Authenticated,
): Pick<Authenticated, 'trust'> {
  return trust === 'all' && effective !== name ? { trust: assertedTrust ?? 'ordinary' } : {}
}

/**
 * `doAs`, when it names somebody else. In a body as well, as all parameters of who asks for a token: a key for the caller
 * must never be the answer to somebody who asked for another's.
 */
async function targetOf(request: KnoxRequest, caller: Authenticated): Promise<string | undefined> {
  const readsBody = request.http.method === 'POST' && !request.streamed
  // Batches of ids are JSON too, and name nobody.
  const parameters = (readsBody ? await requestParameters(request) : undefined) ?? request.query
  const given = parameters.get('doAs') ?? ''
  if (given === '' || given === caller.name) return undefined
  if (given.length <= DO_AS_LENGTH_MAX) return given
  throw new KnoxRefusal(400, `doAs has ${given.length} characters, and ${DO_AS_LENGTH_MAX} is the limit`)
}

/** `doAs` was refused: Hadoop's services answer in a form of their own. */
export class ImpersonationRefused extends KnoxRefusal {
  constructor(reason: string) {
    super(403, reason)
  }

  /** The body that Knox answers, in JSON. */
  get body(): string {
    const javaClassName = 'org.apache.knox.gateway.util.AuthorizationException'
    const exception = {
      message: `${javaClassName}: ${this.shown}`,
      exception: 'AuthorizationException',
      javaClassName,
    }
    return JSON.stringify({ RemoteException: exception }, null, 2)
  }
}
