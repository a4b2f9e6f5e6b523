import { isAddressOf } from '../authorization/acls.ts'
import type { Params } from '../topology.ts'

/** For whom somebody may act. */
export type Impersonation = {
  /** Whether `doAs` means anything. */
  readonly isEnabled: boolean
  /** Why the caller may not act for the target; undefined: it may. */
  refusal(
    caller: { readonly name: string; readonly groups: readonly string[] },
    target: { readonly name: string; readonly groups: readonly string[] },
    address: string | undefined,
  ): string | undefined
}

type Rule = { users: readonly string[]; groups: readonly string[]; hosts: readonly string[] }

/**
 * The rules `hadoop.proxyuser.NAME.users|groups|hosts`, and `hadoop.proxygroup.NAME.…` for callers of a group. Somebody
 * may act for a user, or a member of a group, that a rule of its own names, from an address that the same rule names;
 * what a rule does not name, it does not allow.
 */
export function createImpersonation(params: Params): Impersonation {
  const users = rulesOf(params, 'hadoop.proxyuser.')
  const groups = rulesOf(params, 'hadoop.proxygroup.')
  return {
    isEnabled: params.get('hadoop.proxyuser.impersonation.enabled')?.trim().toLowerCase() === 'true',
    refusal(caller, target, address) {
      const rules = [users.get(caller.name), ...caller.groups.map((group) => groups.get(group))].filter(
        (rule) => rule !== undefined,
      )
      const matching = rules.filter((rule) => allowsTarget(rule, target))
      if (matching.length === 0) return `User: ${caller.name} is not allowed to impersonate ${target.name}`
      if (matching.some((rule) => allowsHost(rule, address))) return undefined
      return `Unauthorized connection for super-user: ${caller.name} from IP ${address ?? 'unknown'}`
    },
  }
}

function rulesOf(params: Params, prefix: string): ReadonlyMap<string, Rule> {
  const rules = new Map<string, Rule>()
  for (const [param, value] of params) {
    const match = param.startsWith(prefix)
      ? /^(.+)\.(users|groups|hosts)$/s.exec(param.slice(prefix.length))
      : null
    const name = match?.[1]
    if (name === undefined) continue
    const rule = rules.get(name) ?? { users: [], groups: [], hosts: [] }
    const names = value
      .split(',')
      .map((each) => each.trim())
      .filter((each) => each !== '' && each !== 'NONE')
    if (match?.[2] === 'users') rule.users = names
    else if (match?.[2] === 'groups') rule.groups = names
    else rule.hosts = names
    rules.set(name, rule)
  }
  return rules
}

function allowsTarget(
  rule: Rule,
  target: { readonly name: string; readonly groups: readonly string[] },
): boolean {
  if (rule.users.includes('*') || rule.users.includes(target.name)) return true
  return rule.groups.includes('*') || rule.groups.some((group) => target.groups.includes(group))
}

function allowsHost({ hosts }: Rule, address: string | undefined): boolean {
  return hosts.includes('*') || isAddressOf(address, hosts)
}
