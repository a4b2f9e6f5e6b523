import { DomainError } from '../../core/errors.ts'
import type { HttpReply } from '../../transports/http/http-message.ts'
import { createAclAuthorization, type KnoxAdministrators } from './authorization/acls.ts'
import { printErrorPage } from './error-page.ts'
import { createIdentityAssertion, ImpersonationRefused } from './identity-assertion/identity-assertion.ts'
import type {
  Authenticator,
  Authorization,
  IdentityAssertion,
  KnoxService,
  WebAppSecurity,
} from './knox-filter.ts'
import { KnoxRefusal, type KnoxRequest } from './knox-request.ts'
import { NOBODY, type Principal } from './principal.ts'
import { TopologyProblem } from './topologies/topology-problem.ts'
import type { Provider, ProviderRole, Topology, TopologyService } from './topology.ts'
import type { Timing } from './web-app-security/rate-limit.ts'
import { createWebAppSecurity, NO_WEB_APP_SECURITY } from './web-app-security/web-app-security.ts'

/** A topology that answers requests. */
export interface DeployedTopology {
  readonly topology: Topology
  /** Whether GET on a path below the topology only asks who asks. */
  asksWho(path: string): boolean
  /** Answers a request below the topology; never rejects. */
  answer(request: OwnRequest): Promise<HttpReply>
}

/** A request that the topology may mark as one whose body is passed on. */
export type OwnRequest = KnoxRequest & { streamed: boolean }

/** What topologies are made with. */
export type DeployParts = {
  /** @throws {TopologyProblem} */
  readonly createAuthenticator: (provider: Provider, topology: Topology) => Authenticator
  /** @throws {TopologyProblem} */
  readonly createService: (service: TopologyService, topology: Topology) => KnoxService
  readonly administrators: KnoxAdministrators
  readonly timing: Timing
  /** Told of what nobody threw on purpose; the client gets a page that names the request. */
  readonly onError: (error: unknown, requestId: string) => void
}

/**
 * Makes a topology answer requests: service by path, then the filters of its providers in Knox's order, then the
 * service.
 *
 * @throws {TopologyProblem} a parameter of a provider or service cannot be understood.
 */
export function deployTopology(topology: Topology, parts: DeployParts): DeployedTopology {
  const filters = filtersOf(topology, parts)
  const services = topology.services.map((service) => parts.createService(service, topology))
  return new Deployed(topology, services, { ...filters, onError: parts.onError })
}

type Filters = {
  readonly security: WebAppSecurity
  readonly authenticate: Authenticator
  readonly assertIdentity: IdentityAssertion
  readonly authorize: Authorization
}

function filtersOf(topology: Topology, parts: DeployParts): Filters {
  const { file } = topology
  const find = (role: ProviderRole) => topology.providers.find((provider) => provider.role === role)
  const security = find('webappsec')
  const acls = find('authorization')
  const authentication = find('authentication') ?? find('federation')
  const identity = find('identity-assertion')
  if (authentication === undefined || identity === undefined) {
    throw new TopologyProblem(`${file}: nobody could be told apart`)
  }
  return {
    security: security ? createWebAppSecurity(security, file, parts.timing) : NO_WEB_APP_SECURITY,
    assertIdentity: createIdentityAssertion(identity, file),
    authorize: acls ? createAclAuthorization(acls, parts.administrators, file) : () => undefined,
    authenticate: parts.createAuthenticator(authentication, topology),
  }
}

/** Who asks for what needs no authentication. */
const ANONYMOUS: Principal = { ...NOBODY, effective: NOBODY.name, impersonated: false }

class Deployed implements DeployedTopology {
  readonly topology: Topology
  readonly #services: readonly KnoxService[]
  readonly #filters: Filters & Pick<DeployParts, 'onError'>

  constructor(
    topology: Topology,
    services: readonly KnoxService[],
    filters: Filters & Pick<DeployParts, 'onError'>,
  ) {
    this.topology = topology
    this.#services = services
    this.#filters = filters
  }

  asksWho(path: string): boolean {
    const service = this.#services.find((each) => each.matches(path))
    return service?.tellsWhoAsks?.(path) === true
  }

  async answer(request: OwnRequest): Promise<HttpReply> {
    const service = this.#services.find((each) => each.matches(request.path))
    // As Knox: of a topology that exists, an empty answer.
    if (service === undefined) return { status: 404, headers: {}, body: '' }
    let reply: HttpReply
    try {
      if (service.streams === true) request.streamed = true
      reply = (await this.#filters.security.before(request)) ?? (await this.#serve(request, service))
    } catch (error) {
      reply = this.#explain(request, error)
    }
    const headers = this.#filters.security.headers(request)
    return { ...reply, headers: { ...headers, ...reply.headers } }
  }

  async #serve(request: KnoxRequest, service: KnoxService): Promise<HttpReply> {
    if (service.isOpen?.(request.path) === true) return service.answer(request, ANONYMOUS)
    const { authenticate, assertIdentity, authorize } = this.#filters
    const caller = await authenticate(request)
    if (caller === undefined) throw new KnoxRefusal(401)
    const principal = await assertIdentity(request, caller)
    authorize(request, principal, service.role)
    return service.answer(request, principal)
  }

  #explain(request: KnoxRequest, error: unknown): HttpReply {
    if (error instanceof ImpersonationRefused) {
      return { status: error.status, headers: { 'Content-Type': 'application/json' }, body: error.body }
    }
    const refusal = this.#asRefusal(request, error)
    return printErrorPage(request.http, {
      status: refusal.status,
      message: refusal.shown,
      topology: this.topology.name,
      headers: refusal.headers,
    })
  }

  #asRefusal(request: KnoxRequest, error: unknown): KnoxRefusal {
    if (error instanceof KnoxRefusal) return error
    if (error instanceof DomainError && BUSY.includes(error.code)) {
      return new KnoxRefusal(503, undefined, { 'Retry-After': '1' })
    }
    const { id } = request.http
    this.#filters.onError(error, id)
    return new KnoxRefusal(500, `Unexpected error; look for request ${id} in the log`)
  }
}

/** Codes of states that pass by themselves. */
const BUSY: readonly string[] = ['storage.unavailable', 'server.overloaded']
