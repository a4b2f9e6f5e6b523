import assert from 'node:assert/strict'
import { after, afterEach, before, beforeEach, describe } from 'node:test'
import { Http, Kuzzle, WebSocket } from 'kuzzle-sdk'
import { type RunningServer, startServer } from './running-server.ts'

// biome-ignore lint/suspicious/noExplicitAny: answers of a foreign protocol are looked at member by member
export type Json = any

type Arguments = Readonly<Record<string, unknown>>

/** What a scenario uses: the official SDK, connected to a server that starts as permissive as Kuzzle. */
type KuzzleWorld = {
  /** There once the tests run. */
  readonly server: RunningServer
  readonly kuzzle: Kuzzle
  /** Performs an action as whoever is logged in, and answers its result. Fails when the action does. */
  act(controller: string, action: string, args?: Arguments): Promise<Json>
  /** The error of an action that must fail. */
  refusal(controller: string, action: string, args?: Arguments): Promise<Json>
  /** Every password is `password`. */
  logIn(username: string): Promise<void>
  /** From now on nobody is logged in. */
  forgetToken(): void
  /** Whether a token is good. */
  isGood(token: string): Promise<boolean>
  /** Creates a user that logs in with its id. */
  createUser(id: string, profileIds?: readonly string[]): Promise<void>
}

/** Ids of documents, in order. */
export function idsOf(result: Json): readonly string[] {
  return result.hits.map((hit: Json) => hit._id)
}

/**
 * Defines scenarios that must hold over HTTP and over WebSocket. Each begins logged in as `test-admin`; beside it
 * there is `default-user`, and what the first start of a server makes.
 */
export function describeScenarios(title: string, define: (world: KuzzleWorld) => void): void {
  for (const [carrier, protocolOf] of Object.entries(CARRIERS)) {
    describe(`${title}, over ${carrier}`, () => {
      let running: { readonly server: RunningServer; readonly kuzzle: Kuzzle } | undefined
      const world = createWorld(() => running ?? assert.fail('the server does not run yet'))

      before(async () => {
        const server = await startServer({ arguments: ['--dev'] })
        running = { server, kuzzle: new Kuzzle(protocolOf(server)) }
        await world.kuzzle.connect()
        await loadUsers(world)
      })
      beforeEach(async () => {
        await world.logIn('test-admin')
        await world.act('admin', 'resetDatabase')
      })
      afterEach(async () => {
        await world.act('admin', 'resetSecurity')
        world.forgetToken()
        await loadUsers(world)
      })
      after(async () => {
        world.kuzzle.disconnect()
        await world.server.stop()
        world.server.discard()
      })

      define(world)
    })
  }
}

const CARRIERS = {
  http: ({ host, port }: RunningServer) => new Http(host, { port }),
  websocket: ({ host, port }: RunningServer) => new WebSocket(host, { port }),
}

function createWorld(
  running: () => { readonly server: RunningServer; readonly kuzzle: Kuzzle },
): KuzzleWorld {
  const world: KuzzleWorld = {
    get server() {
      return running().server
    },
    get kuzzle() {
      return running().kuzzle
    },
    async act(controller, action, args = {}) {
      const { result } = await world.kuzzle.query({ controller, action, ...args })
      return result
    },
    async refusal(controller, action, args = {}) {
      try {
        await world.act(controller, action, args)
      } catch (error) {
        return error
      }
      return assert.fail(`${controller}:${action} was not refused`)
    },
    async logIn(username) {
      await world.kuzzle.auth.login('local', { username, password: 'password' })
    },
    forgetToken() {
      world.kuzzle.jwt = null
    },
    async isGood(token) {
      return (await world.act('auth', 'checkToken', { body: { token } })).valid
    },
    async createUser(id, profileIds = ['default']) {
      const credentials = { local: { username: id, password: 'password' } }
      await world.act('security', 'createUser', { _id: id, body: { content: { profileIds }, credentials } })
    },
  }
  return world
}

/** Anybody may do this as long as nobody restricted the default rights. */
async function loadUsers({ act }: KuzzleWorld): Promise<void> {
  const user = (id: string, profileId: string) => ({
    content: { profileIds: [profileId] },
    credentials: { local: { username: id, password: 'password' } },
  })
  const users = {
    'default-user': user('default-user', 'default'),
    'test-admin': user('test-admin', 'admin'),
  }
  await act('admin', 'loadSecurities', { body: { users }, onExistingUsers: 'overwrite' })
}
