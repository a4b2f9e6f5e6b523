import type { Authenticator } from '../knox-filter.ts'
import { TopologyProblem } from '../topologies/topology-problem.ts'
import type { Provider, Topology } from '../topology.ts'
import { createHeaderPreAuth } from './header-pre-auth.ts'
import { createJwtProvider, type TokenChecks } from './jwt-provider.ts'
import { createLdapRealm, namesDirectory } from './ldap-realm.ts'
import { createRemoteAuth } from './remote-auth.ts'
import { type CheckPassword, createDirectoryCheck, createShiro } from './shiro.ts'
import { createUrlRules } from './url-rules.ts'

/** What the providers that find out who asks are made with. */
export type AuthenticationParts = {
  readonly tokens: TokenChecks
  /** Checks a password of this server's own users. */
  readonly checkOwnPassword: CheckPassword
  /** Keeps clients from trying out many passwords. */
  readonly guardPasswords: (check: CheckPassword) => CheckPassword
  readonly now: () => number
  /** The text of a file of certificates. */
  readonly readCertificates: (path: string) => string
}

/**
 * Makes the provider of a topology that finds out who asks.
 *
 * `ShiroProvider` without a directory (`main.ldapRealm`) checks the passwords of this server's own users.
 *
 * @throws {TopologyProblem} a parameter cannot be understood.
 */
export function createAuthenticator(
  provider: Provider,
  topology: Topology,
  parts: AuthenticationParts,
): Authenticator {
  const { name, role, params } = provider
  const where = `${topology.name}: provider "${name}" of role "${role}"`
  switch (name) {
    case 'ShiroProvider':
      return createShiro(createUrlRules(params, where), passwordCheckOf(provider, where, parts))
    case 'Anonymous':
      return () => Promise.resolve({ name: 'anonymous', groups: [] })
    case 'RemoteAuthProvider':
      return createRemoteAuth(provider, where, parts)
    case 'HeaderPreAuth':
      return createHeaderPreAuth(provider, where)
    case 'JWTProvider':
      return createJwtProvider(provider, parts.tokens)
    default:
      throw new TopologyProblem(
        `${topology.name}: Failed to contribute provider. Role: ${role} Name: ${name}.`,
      )
  }
}

function passwordCheckOf({ params }: Provider, where: string, parts: AuthenticationParts): CheckPassword {
  if (!namesDirectory(params, where)) return parts.guardPasswords(parts.checkOwnPassword)
  const realm = createLdapRealm(params, where)
  return parts.guardPasswords(createDirectoryCheck(realm.bind))
}
