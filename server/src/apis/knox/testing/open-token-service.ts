import type { TestContext } from 'node:test'
import { openTestAuthority, type TestAuthority } from '../../../core/contract/test-authority.ts'
import type { CoreSettings } from '../../../core/core-settings.ts'
import { isJsonObject, type JsonObject } from '../../../core/json.ts'
import type { HttpReply } from '../../../transports/http/http-message.ts'
import type { KnoxService } from '../knox-filter.ts'
import type { Principal } from '../principal.ts'
import { createSigningKeys, type SigningKeys } from '../token-services/signing-keys.ts'
import { createTokenService } from '../token-services/token-service.ts'
import type { TokenServiceParts } from '../token-services/token-service-parts.ts'
import type { Topology } from '../topology.ts'
import { requestFor } from './request-for.ts'

/** How somebody asks. */
export type Asking = {
  readonly as?: Principal
  readonly body?: string
  readonly headers?: Readonly<Record<string, string>>
}

/** A token service on a store of its own, as a topology without filters has it. */
export type OpenTokenService = {
  readonly authority: TestAuthority
  readonly service: KnoxService
  readonly signingKeys: SigningKeys
  /** Asks as `guest` unless somebody else is named. `target`: path below the topology, and query string. */
  ask(method: string, target: string, asking?: Asking): Promise<HttpReply>
  /** What is answered, which must be a JSON object of status 200. */
  json(method: string, target: string, asking?: Asking): Promise<JsonObject>
}

/** Somebody with groups, or who acts for somebody else. */
export function principal(name: string, more: Partial<Principal> = {}): Principal {
  return { name, effective: name, groups: [], impersonated: false, ...more }
}

/** Opens the service of a role, ending with the test. `neighbours`: parameters of other services of the topology. */
export async function openTokenService(
  t: TestContext,
  role: string,
  {
    params = {},
    neighbours = {},
    identity = {},
    parts = {},
    settings = {},
  }: {
    readonly params?: Readonly<Record<string, string>>
    readonly neighbours?: Readonly<Record<string, Readonly<Record<string, string>>>>
    readonly identity?: Readonly<Record<string, string>>
    readonly parts?: Partial<TokenServiceParts>
    readonly settings?: Partial<CoreSettings>
  } = {},
): Promise<OpenTokenService> {
  const authority = await openTestAuthority(t, settings)
  const serviceOf = (name: string, own: Readonly<Record<string, string>>) => ({
    role: name,
    urls: [],
    params: new Map(Object.entries(own)),
  })
  const topology: Topology = {
    name: 'sandbox',
    file: 'sandbox.xml',
    providers: [{ role: 'identity-assertion', name: 'Default', params: new Map(Object.entries(identity)) }],
    services: [
      serviceOf(role, params),
      ...Object.entries(neighbours).map(([name, own]) => serviceOf(name, own)),
    ],
  }
  const now = (): number => authority.clock.now()
  const signingKeys = signingKeysIn(now)
  let ids = 0
  const service = createTokenService(serviceOf(role, params), topology, {
    tokens: authority.managedTokens,
    signingKeys,
    now,
    randomId: () => {
      ids += 1
      return `00000000-0000-4000-8000-${String(ids).padStart(12, '0')}`
    },
    baseUrlOf: () => 'https://gateway.example.org',
    perUserMax: 10,
    seeingAll: ['admin'],
    issuesByGet: false,
    ...parts,
  })
  const ask: OpenTokenService['ask'] = async (method, target, { as = principal('guest'), ...how } = {}) =>
    service.answer(requestFor(method, target, how), as)
  return {
    authority,
    service,
    signingKeys,
    ask,
    json: async (...asked) => {
      const { status, body } = await ask(...asked)
      const value: unknown = JSON.parse(String(body))
      if (status === 200 && isJsonObject(value)) return value
      throw new Error(`${asked.join(' ')} answered ${status} ${body}`)
    },
  }
}

/** In memory: what the store promises is tested there. */
function signingKeysIn(now: () => number): SigningKeys {
  const values = new Map<string, JsonObject>()
  return createSigningKeys({
    store: {
      read: (name) => Promise.resolve(values.get(name)),
      update: (name, change) => {
        values.set(name, change(values.get(name)))
        return Promise.resolve()
      },
    },
    now,
    rotateAfterMs: 86_400_000,
    knownForMs: 86_400_000,
  })
}
