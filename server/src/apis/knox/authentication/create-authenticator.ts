import { NAME_TRUSTS, type NameTrust } from '../../../core/keys/api-key.ts'
import type { Authenticator } from '../knox-filter.ts'
import { NOBODY } from '../principal.ts'
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
  /** Which users of this server may be meant by names that others vouch for, where a topology says nothing. */
  readonly nameTrust: NameTrust
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
  const where = `${topology.file}: provider "${provider.name}" of role "${provider.role}"`
  const authenticate = authenticatorOf(provider, topology, { where, parts })
  const trust = nameTrustIn(provider, where) ?? parts.nameTrust
  return async (request) => {
    const caller = await authenticate(request)
    return caller && { trust, assertedTrust: trust, ...caller }
  }
}

/** Whether the names that this provider vouches for are those of users of this server; Knox knows no such thing. */
function nameTrustIn({ params }: Provider, where: string): NameTrust | undefined {
  const text = params.get('latchkey.users')?.trim().toLowerCase()
  if (text === undefined) return undefined
  const trust = NAME_TRUSTS.find((each) => each === text)
  if (trust !== undefined) return trust
  throw new TopologyProblem(
    `${where}: parameter "latchkey.users" is "${text}", and must be one of ${NAME_TRUSTS.join(', ')}`,
  )
}

function authenticatorOf(
  provider: Provider,
  topology: Topology,
  { where, parts }: { readonly where: string; readonly parts: AuthenticationParts },
): Authenticator {
  const { name, role, params } = provider
  switch (name) {
    case 'ShiroProvider':
      return createShiro(createUrlRules(params, where), passwordCheckOf(provider, where, parts))
    case 'Anonymous':
      return () => Promise.resolve(NOBODY)
    case 'RemoteAuthProvider':
      return createRemoteAuth(provider, where, parts)
    case 'HeaderPreAuth':
      return createHeaderPreAuth(provider, where)
    case 'JWTProvider':
      return createJwtProvider(provider, parts.tokens, where)
    default:
      throw new TopologyProblem(
        `${topology.file}: Failed to contribute provider. Role: ${role} Name: ${name}.`,
      )
  }
}

function passwordCheckOf({ params }: Provider, where: string, parts: AuthenticationParts): CheckPassword {
  if (!namesDirectory(params, where)) return parts.guardPasswords(parts.checkOwnPassword)
  const realm = createLdapRealm(params, where)
  return parts.guardPasswords(createDirectoryCheck(realm.bind))
}
