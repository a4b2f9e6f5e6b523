import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { createAuthService } from '../apis/knox/auth-service/auth-service.ts'
import { createAuthenticator } from '../apis/knox/authentication/create-authenticator.ts'
import { createPasswordGate } from '../apis/knox/authentication/password-gate.ts'
import type { CheckPassword } from '../apis/knox/authentication/shiro.ts'
import { createKnoxApi, type KnoxApi } from '../apis/knox/knox-api.ts'
import type { KnoxService } from '../apis/knox/knox-filter.ts'
import type { KnoxRequest } from '../apis/knox/knox-request.ts'
import { createPageService, PAGE_SERVICE_ROLES } from '../apis/knox/page-services.ts'
import { createProxyService, type ProxyParts } from '../apis/knox/proxy/proxy-service.ts'
import { createRunningStreams } from '../apis/knox/proxy/running-streams.ts'
import { createSigningKeys, type SigningKeys } from '../apis/knox/token-services/signing-keys.ts'
import { createTokenService, TOKEN_SERVICE_ROLES } from '../apis/knox/token-services/token-service.ts'
import type { TokenServiceParts } from '../apis/knox/token-services/token-service-parts.ts'
import { openTopologyFolder, type TopologyEvent } from '../apis/knox/topologies/topology-folder.ts'
import { TopologyProblem } from '../apis/knox/topologies/topology-problem.ts'
import type { Topology, TopologyService } from '../apis/knox/topology.ts'
import type { AuditEvent, Origin } from '../core/audit/audit-event.ts'
import { DomainError } from '../core/errors.ts'
import { ANONYMOUS_ID, type KeyId } from '../core/ids.ts'
import type { KeyAuthority } from '../core/key-authority.ts'
import type { KeyCheck } from '../core/keys/verdict.ts'
import type { Clock } from '../core/ports/clock.ts'
import type { Storage } from '../core/ports/storage.ts'
import type { Settings } from '../settings/settings.ts'
import { environmentText } from '../settings/settings-environment.ts'
import type { HttpRequest } from '../transports/http/http-message.ts'
import { clientAddressOf } from './client-address-of.ts'
import { clientCertificateOf } from './client-certificate-of.ts'
import { type KnoxSettings, knoxSettingsOf } from './knox-settings-of.ts'
import type { Log } from './log.ts'
import { StartError } from './start-error.ts'
import { readVersion } from './version.ts'

/** Knox's services, and what is wrong with their files just now. */
export type OpenKnox = {
  readonly api: KnoxApi
  readonly gatewayPath: string
  /** Sentences for operators; empty: all is well. */
  problems(): readonly string[]
  close(): void
}

/**
 * What a fresh installation offers: keys for this server's own users, by their passwords. Under a name of its own, and
 * under that of Knox's examples, so that what is copied from them works.
 */
const BUILT_IN = ['default', 'sandbox'].map(
  (name): Topology => ({
    name,
    file: name,
    providers: [
      { role: 'authentication', name: 'ShiroProvider', params: new Map([['urls./**', 'authcBasic']]) },
      { role: 'identity-assertion', name: 'Default', params: new Map() },
    ],
    services: [{ role: 'APIKEY', urls: [], params: new Map() }],
  }),
)

/**
 * Opens Knox's services: the topologies of a folder, which is watched, or a built-in one.
 *
 * @throws {StartError} the folder cannot be read, or a setting cannot be understood. A topology file that cannot be
 *   offered is no reason not to start: it is said in log, audit and health.
 */
export async function openKnox(
  settings: Settings,
  { authority, storage, clock }: KnoxStands,
  log: Log,
): Promise<OpenKnox> {
  const knox = knoxSettingsOf(settings)
  const api = createApi(settings, knox, { authority, storage, clock }, log)
  if (knox.folder === undefined) {
    api.offer(new Map(BUILT_IN.map((topology) => [topology.name, topology])))
    return { api, gatewayPath: knox.gatewayPath, problems: () => [], close: () => undefined }
  }
  const told = topologyTeller({ storage, clock }, log)
  const folder = await openTopologyFolder(knox.folder, {
    rules: {
      proxiedRoles: knox.proxiedRoles,
      aliasValue: (name) => knox.aliases.get(name),
      certificatesCount: knox.certificatesCount,
    },
    onEvent: told,
    offer: (topologies) => api.offer(topologies),
  }).catch((error: unknown) => {
    if (error instanceof TopologyProblem) throw new StartError(`Cannot start: ${error.message}`)
    throw error
  })
  return {
    api,
    gatewayPath: knox.gatewayPath,
    problems: () => [...folder.problems.values()],
    close: () => folder.close(),
  }
}

/** What Knox's services stand on. */
type KnoxStands = { readonly authority: KeyAuthority; readonly storage: Storage; readonly clock: Clock }

function createApi(
  settings: Settings,
  knox: KnoxSettings,
  { authority, storage, clock }: KnoxStands,
  log: Log,
): KnoxApi {
  const signingKeys = openSigningKeys(knox, { storage, clock })
  const tokenParts: TokenServiceParts = {
    tokens: authority.managedTokens,
    signingKeys,
    ...(knox.hmacSecret !== undefined && { hmacSecretBytes: knox.hmacSecret.length }),
    now: () => clock.now(),
    randomId: randomUUID,
    baseUrlOf: (request) => settings['http.publicUrl'] ?? urlCalled(request),
    perUserMax: knox.perUserMax,
    seeingAll: knox.seeingAll,
    issuesByGet: knox.issuesByGet,
  }
  const authentication = {
    tokens: {
      checkKey: authority.managedTokens.verify,
      checkJwt: (jwt: string) => signingKeys.verify(jwt),
      checkHolder: (id: string, check: KeyCheck) => authority.managedTokens.verifyHolder(id as KeyId, check),
      now: () => clock.now(),
      uniformRefusals: knox.uniformRefusals,
    },
    checkOwnPassword: ownPasswordCheck(authority),
    guardPasswords: createPasswordGate({ admit: attemptCounter(authority), now: () => clock.now() }),
    now: () => clock.now(),
    nameTrust: knox.nameTrust,
    readCertificates: (path: string) => readFileSync(path, 'utf8'),
  }
  const proxyParts: ProxyParts = {
    baseUrlOf: tokenParts.baseUrlOf,
    readCertificates: authentication.readCertificates,
    running: createRunningStreams(
      (listener, watched) => authority.tokens.onEnded(listener, watched),
      (fingerprint) => void authority.tokens.recheck([fingerprint]),
    ),
    onFailure: (failure, requestId) => log.warn({ ...failure, requestId }, 'A service behind did not answer'),
  }
  return createKnoxApi({
    gatewayPath: knox.gatewayPath,
    addressOf: clientAddressOf(settings),
    clientNameOf: clientCertificateOf(settings),
    bodyBytesMax: settings['server.maxRequestSize'],
    encodingsMax: settings['server.protocols.http.maxEncodingLayers'],
    createAuthenticator: (provider, topology) => createAuthenticator(provider, topology, authentication),
    createService: (service, topology) =>
      createService(service, topology, { tokenParts, proxyParts, knox, authority }),
    administrators: knox.administrators,
    timing: { now: () => clock.now(), wait: (ms) => sleep(ms) },
    onError: (error, requestId) => log.error({ err: error, requestId }, 'A request to a topology failed'),
  })
}

function createService(
  service: TopologyService,
  topology: Topology,
  {
    tokenParts,
    proxyParts,
    knox,
    authority,
  }: {
    readonly tokenParts: TokenServiceParts
    readonly proxyParts: ProxyParts
    readonly knox: KnoxSettings
    readonly authority: KeyAuthority
  },
): KnoxService {
  const page = PAGE_SERVICE_ROLES.find((role) => role === service.role)
  if (page !== undefined)
    return createPageService(page, { version: readVersion(), seeingAll: knox.seeingAll })
  if (service.role === 'KNOX-AUTH-SERVICE') {
    return createAuthService(service, topology.file, {
      tokenFor: environmentText,
      scopesOf: (key) => authority.verification.grantedScopes(key),
    })
  }
  if (TOKEN_SERVICE_ROLES.some((role) => role === service.role)) {
    return createTokenService(service, topology, tokenParts)
  }
  if (knox.proxiedRoles.includes(service.role)) return createProxyService(service, topology, proxyParts)
  throw new TopologyProblem(`${topology.file}: service "${service.role}" is not offered here`)
}

function openSigningKeys(knox: KnoxSettings, { storage, clock }: Omit<KnoxStands, 'authority'>): SigningKeys {
  const { config } = storage
  return createSigningKeys({
    store: {
      read: (name) => config.read(name),
      update: (name, change) =>
        config.update(name, change, event('signing_keys.change', `config:${name}`, clock)),
    },
    now: () => clock.now(),
    ...(knox.hmacSecret !== undefined && { hmacSecret: knox.hmacSecret }),
    rotateAfterMs: knox.signingKeyLifeMs,
    knownForMs: knox.signingKeyKnownForMs,
  })
}

/** Passwords of this server's own users; the groups are their profiles. */
function ownPasswordCheck({ sessions }: KeyAuthority): CheckPassword {
  return async (request, username, password) => {
    try {
      const user = await sessions.findUserByPassword({ username, password }, originOf(request))
      return { name: user.id, groups: user.profileIds, trust: 'all' }
    } catch (error) {
      if (!(error instanceof DomainError)) throw error
      if (error.code === 'login.failed') return undefined
      throw error
    }
  }
}

function attemptCounter({ sessions }: KeyAuthority) {
  return ({
    username,
    address,
  }: {
    readonly username: string
    readonly address: string | undefined
  }): number => {
    const origin: Origin = {
      ...(address !== undefined && { address }),
      carrier: 'knox',
      requestId: '',
      local: false,
    }
    try {
      sessions.countAttempt(username, origin)
      return 0
    } catch (error) {
      if (error instanceof DomainError && error.code === 'login.too_many')
        return Number(error.facts['retryAfterMs'])
      throw error
    }
  }
}

function originOf({ http, address }: KnoxRequest): Origin {
  return { ...(address !== undefined && { address }), carrier: 'knox', requestId: http.id, local: http.local }
}

/** The address of this server as the client wrote it. */
function urlCalled({ headers, tls }: HttpRequest): string {
  const { host } = headers
  return `${tls === undefined ? 'http' : 'https'}://${typeof host === 'string' ? host : 'localhost'}`
}

function topologyTeller(
  { storage, clock }: Omit<KnoxStands, 'authority'>,
  log: Log,
): (event: TopologyEvent) => void {
  const { audit } = storage
  return (told) => {
    const { kind, topology, file } = told
    const problem = 'problem' in told ? told.problem : undefined
    if (kind === 'refused') {
      log.error(
        { topology, file, problem },
        'A topology cannot be offered as it is; its last good version stays',
      )
    } else if (kind === 'warning') {
      log.warn({ topology, file, problem }, 'Part of a topology is not offered')
      return
    } else if (kind === 'note') {
      log.info({ topology, file, note: problem }, 'A service of a topology uses a parameter of its neighbour')
      return
    } else {
      log.info({ topology, file }, `Topology ${kind}`)
    }
    const outcome = kind === 'refused' ? 'refused' : 'done'
    const entry: AuditEvent = {
      ...event('topology.change', `topology:${topology}`, clock),
      outcome,
      ...(problem !== undefined && { reason: problem }),
      details: { kind, file },
    }
    audit.append([entry]).catch((error: unknown) => log.error({ err: error }, 'Cannot write the audit'))
  }
}

/** What the server does by itself. */
function event(action: AuditEvent['action'], subject: string, clock: Clock): AuditEvent {
  return {
    at: clock.now(),
    action,
    outcome: 'done',
    actor: ANONYMOUS_ID,
    subject,
    origin: { carrier: 'server', requestId: '', local: true },
  }
}
