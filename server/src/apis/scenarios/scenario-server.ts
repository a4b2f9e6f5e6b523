import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { routeRequests } from '../../application/route-requests.ts'
import { openTestAuthority, type TestAuthority } from '../../core/contract/test-authority.ts'
import type { CoreSettings } from '../../core/core-settings.ts'
import type { ProfileId, UserId } from '../../core/ids.ts'
import type { Storage } from '../../core/ports/storage.ts'
import { createNodeRandomness } from '../../system/node-randomness.ts'
import { openHttpListener } from '../../transports/http/http-listener.ts'
import type { HttpRequest } from '../../transports/http/http-message.ts'
import { createKuzzleApi } from '../kuzzle/kuzzle-api.ts'
import { TEST_KUZZLE_SETTINGS } from '../kuzzle/testing/test-api.ts'
import { createNativeApi } from '../native/native-api.ts'
import { createVerifyApi } from '../native/verify-api.ts'
import { createCheckCaller } from '../native/verify-caller.ts'
import { openScenarioKnox, SCENARIO_PASSWORD } from './scenario-knox.ts'

/** All languages on one listener and one store, as the program has them; only the clock is set by hand. */
export type ScenarioServer = {
  readonly url: string
  readonly authority: TestAuthority
  /** Everything that went wrong without anybody meaning it. */
  readonly broken: readonly string[]
  /** A session of a new user with that profile. */
  login(id: string, profileId: string): Promise<string>
}

const addressOf = ({ address }: Pick<HttpRequest, 'address'>): string | undefined => address

/** Opens a server that ends with the test; absent `store`: on one of its own. */
export async function openScenarioServer(
  t: TestContext,
  settings: Partial<CoreSettings> = {},
  store?: Storage,
): Promise<ScenarioServer> {
  const authority = await openTestAuthority(t, settings, store)
  const { clock } = authority
  const broken: string[] = []
  const note = (facts: object, message: string): void => {
    broken.push(`${message} ${JSON.stringify(facts)}`)
  }
  const log = { warn: note, error: note }
  const kuzzle = createKuzzleApi({
    authority,
    clock,
    randomness: createNodeRandomness(),
    scrolls: authority.storage.scrolls,
    log,
    settings: TEST_KUZZLE_SETTINGS,
    node: 'knode-quiet-otter-1',
    version: '0.0.0',
    configuration: {},
    storageBackend: 'sqlite',
    isStorageHealthy: () => authority.storage.isHealthy(),
  })
  const checkCaller = createCheckCaller({ authority, clock, addressOf, failsafeMode: false })
  const native = createNativeApi({
    authority,
    idempotency: authority.storage.idempotency,
    clock,
    log,
    settings: { ...TEST_KUZZLE_SETTINGS, isApiPublic: true },
    verification: createVerifyApi({ authority, checkCaller, bodyBytesMax: 100_000 }).overHttp,
    addressOf,
  })
  const knox = openScenarioKnox(authority, {
    addressOf,
    onError: (error) => note({ error: String(error) }, 'A topology failed'),
  })
  const { handler, overloaded } = routeRequests({
    kuzzle: kuzzle.http,
    native,
    knox: { ...knox, path: 'gateway' },
  })
  const http = await openHttpListener({
    host: '127.0.0.1',
    port: 0,
    handler,
    overloaded,
    onError: (error) => note({ error: String(error) }, 'A promise was broken'),
  })
  t.after(() => http.close())
  return {
    url: `http://127.0.0.1:${http.port}`,
    authority,
    broken,
    login: (id, profileId) => loginAs(authority, id, profileId),
  }
}

async function loginAs(authority: TestAuthority, id: string, profileId: string): Promise<string> {
  const credentials = { username: id, password: SCENARIO_PASSWORD }
  await authority.users.create(authority.nobody, {
    id: id as UserId,
    idKind: 'human',
    profileIds: [profileId as ProfileId],
    content: {},
    credentials: { local: credentials },
  })
  // Scenarios let days pass; none of them is about sessions.
  const request = { strategy: 'local', ...credentials, ttlMs: -1 }
  const { token } = await authority.sessions.login(request, authority.nobody.origin)
  assert.notEqual(token.reveal(), '')
  return token.reveal()
}
