import { randomUUID } from 'node:crypto'
import type { TestAuthority } from '../../core/contract/test-authority.ts'
import { DomainError } from '../../core/errors.ts'
import type { KeyId } from '../../core/ids.ts'
import type { KeyCheck } from '../../core/keys/verdict.ts'
import type { HttpRequest } from '../../transports/http/http-message.ts'
import { createAuthService } from '../knox/auth-service/auth-service.ts'
import { createAuthenticator } from '../knox/authentication/create-authenticator.ts'
import type { CheckPassword } from '../knox/authentication/shiro.ts'
import { createKnoxApi, type KnoxApi } from '../knox/knox-api.ts'
import { createSigningKeys } from '../knox/token-services/signing-keys.ts'
import { createTokenService } from '../knox/token-services/token-service.ts'
import type { Provider, Topology } from '../knox/topology.ts'

/** Everybody's. */
export const SCENARIO_PASSWORD = 'password'

/** Administrators of scenarios, whom Knox's rules name one by one. */
const ROOT = 'root'

const provider = (
  role: Provider['role'],
  name: string,
  params: Readonly<Record<string, string>> = {},
): Provider => ({ role, name, params: new Map(Object.entries(params)) })

/** Keys by password, for others too by who may act for them; and an authorizer to which they are shown. */
const TOPOLOGIES: readonly Topology[] = [
  {
    name: 'issue',
    file: 'issue.xml',
    providers: [
      provider('authentication', 'ShiroProvider', { 'urls./**': 'authcBasic' }),
      provider('identity-assertion', 'Default', {
        'hadoop.proxyuser.impersonation.enabled': 'true',
        [`hadoop.proxyuser.${ROOT}.users`]: '*',
        [`hadoop.proxyuser.${ROOT}.hosts`]: '*',
      }),
    ],
    services: [
      {
        role: 'APIKEY',
        urls: [],
        params: new Map([['apikey.knox.token.renewer.whitelist', ROOT]]),
      },
    ],
  },
  {
    name: 'check',
    file: 'check.xml',
    providers: [provider('federation', 'JWTProvider'), provider('identity-assertion', 'Default')],
    services: [{ role: 'KNOX-AUTH-SERVICE', urls: [], params: new Map() }],
  },
]

/** Knox's services on the store of a scenario. */
export function openScenarioKnox(
  authority: TestAuthority,
  {
    addressOf,
    onError,
  }: {
    readonly addressOf: (request: HttpRequest) => string | undefined
    readonly onError: (error: unknown) => void
  },
): KnoxApi {
  const { managedTokens, clock, storage } = authority
  const now = (): number => clock.now()
  const signingKeys = createSigningKeys({
    store: {
      read: (name) => storage.config.read(name),
      update: () => Promise.reject(new Error('No scenario signs anything')),
    },
    now,
    rotateAfterMs: 1,
    knownForMs: 1,
  })
  const tokenParts = {
    tokens: managedTokens,
    signingKeys,
    now,
    randomId: randomUUID,
    baseUrlOf: () => '',
    perUserMax: 1_000,
    seeingAll: [ROOT],
    issuesByGet: false,
  }
  const authentication = {
    tokens: {
      checkKey: managedTokens.verify,
      checkJwt: (jwt: string) => signingKeys.verify(jwt),
      checkHolder: (id: string, check: KeyCheck) => managedTokens.verifyHolder(id as KeyId, check),
      now,
      uniformRefusals: false,
    },
    checkOwnPassword: ownPasswords(authority),
    guardPasswords: (check: CheckPassword) => check,
    now,
    nameTrust: 'ordinary' as const,
    readCertificates: () => '',
  }
  const api = createKnoxApi({
    gatewayPath: 'gateway',
    addressOf,
    clientNameOf: () => undefined,
    bodyBytesMax: 100_000,
    encodingsMax: 1,
    createAuthenticator: (one, topology) => createAuthenticator(one, topology, authentication),
    createService: (service, topology) =>
      service.role === 'KNOX-AUTH-SERVICE'
        ? createAuthService(service, topology.file, {
            tokenFor: () => undefined,
            scopesOf: (key) => authority.verification.grantedScopes(key),
          })
        : createTokenService(service, topology, tokenParts),
    administrators: { users: [], groups: [] },
    timing: { now, wait: () => Promise.resolve() },
    onError,
  })
  api.offer(new Map(TOPOLOGIES.map((topology) => [topology.name, topology])))
  return api
}

function ownPasswords({ sessions, nobody }: TestAuthority): CheckPassword {
  return async (_request, username, password) => {
    try {
      const user = await sessions.findUserByPassword({ username, password }, nobody.origin)
      return { name: user.id, groups: [], trust: 'all' }
    } catch (error) {
      if (error instanceof DomainError && error.code === 'login.failed') return undefined
      throw error
    }
  }
}
