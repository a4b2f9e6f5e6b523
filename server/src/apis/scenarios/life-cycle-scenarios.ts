import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import type { Storage } from '../../core/ports/storage.ts'
import { createKnoxScenarioClient } from './knox-scenario-client.ts'
import { createKuzzleScenarioClient } from './kuzzle-scenario-client.ts'
import { createNativeScenarioClient } from './native-scenario-client.ts'
import { done, type ScenarioClient, type ScenarioKey } from './scenario-client.ts'
import { openScenarioServer, type ScenarioServer } from './scenario-server.ts'

const LANGUAGES = [createKuzzleScenarioClient, createNativeScenarioClient, createKnoxScenarioClient]

/** What a scenario is played with: `speaker` acts, and everybody looks on in their own language. */
type Scene = {
  readonly speaker: ScenarioClient
  readonly everybody: readonly ScenarioClient[]
  readonly server: ScenarioServer
  /** Sessions of an administrator and of two users with the rights that users have. */
  readonly root: string
  readonly bob: string
  readonly eve: string
  /** A fresh key of bob's. */
  issue(how?: {
    readonly id?: string
    readonly ttlMs?: number
  }): Promise<{ readonly id: string; readonly token: string }>
  /** What each language says of a token; all must say the same. */
  isGood(token: string): Promise<boolean>
}

/** An empty store that ends with the test; undefined: the default one. */
type OpenStore = (t: TestContext) => Promise<Storage | undefined>

type Play = (scene: Scene, t: TestContext) => Promise<void>

/** Defines what happens to a key in every language, `where` it is stored. */
export function describeLifeCycle(where: string, openStore: OpenStore): void {
  const scenario = (name: string, play: Play): void => runScenario(openStore, name, play)

  describe(`the life of a key${where}`, () => {
    scenario(
      'an issued key is good at once, in every language, and acts for its owner',
      async ({ issue, isGood }) => {
        const { token } = await issue()
        assert.equal(await isGood(token), true)
        assert.equal(await isGood(`${token.slice(0, -1)}${token.endsWith('A') ? 'B' : 'A'}`), false)
        assert.equal(await isGood('no token at all'), false)
      },
    )

    scenario('an issued key is found by who may look for it', async (scene) => {
      const { id } = await scene.issue()
      for (const client of scene.everybody) {
        assert.deepEqual(await client.search(scene.root, 'bob', 'nightly'), { done: [id] })
        assert.deepEqual(await client.search(scene.root, 'bob', 'weekly'), { done: [] })
        assert.deepEqual(await client.search(scene.eve, 'bob', 'nightly'), { refused: 403 })
      }
    })

    scenario('a revoked key is refused from then on, and is not found any more', async (scene) => {
      const { speaker, root } = scene
      const { id, token } = await scene.issue()
      assert.equal(await scene.isGood(token), true)
      assert.deepEqual(await speaker.revoke(root, 'bob', id), { done: 'revoked' })
      assert.equal(await scene.isGood(token), false)
      for (const client of scene.everybody) {
        assert.deepEqual(await client.search(root, 'bob', 'nightly'), { done: [] })
      }
    })

    scenario(
      'a key is refused from the very millisecond of its expiry',
      async ({ issue, isGood, server }) => {
        const { token } = await issue({ ttlMs: 500 })
        server.authority.clock.passMs(499)
        assert.equal(await isGood(token), true)
        server.authority.clock.passMs(1)
        assert.equal(await isGood(token), false)
      },
    )

    scenario('an id is used once', async ({ issue, speaker, root, everybody }, t) => {
      if (orSkip(t, speaker.choosesIds) === undefined) return
      await issue({ id: 'k1' })
      for (const client of everybody.filter(({ choosesIds }) => choosesIds === true)) {
        const again = await client.issue(root, { owner: 'bob', description: 'd', id: 'k1' })
        assert.ok('refused' in again && again.refused >= 400 && again.refused < 500)
      }
      assert.deepEqual(await speaker.revoke(root, 'bob', 'k1'), { done: 'revoked' })
      await issue({ id: 'k1' })
    })
  })

  describe('what is forbidden', () => {
    scenario('nobody issues keys for others, or ends theirs, without the right', async (scene) => {
      const { speaker, eve, bob } = scene
      const { id, token } = await scene.issue()
      const issued = await speaker.issue(eve, { owner: 'bob', description: 'd' })
      assert.deepEqual(issued, { refused: 403 })
      const revoked = await speaker.revoke(eve, 'bob', id)
      assert.ok('refused' in revoked && [403, 404].includes(revoked.refused))
      assert.equal(await scene.isGood(token), true)
      const unknown = await speaker.revoke(eve, 'bob', 'no-such-key')
      assert.ok('refused' in unknown)
      if (!speaker.tellsUnknownFromForbidden) assert.deepEqual(unknown, revoked)
      assert.ok('refused' in (await speaker.search(eve, 'bob', 'nightly')))
      assert.ok('refused' in (await speaker.issue('no token at all', { owner: 'bob', description: 'd' })))
      assert.equal('refused' in (await speaker.search(bob, 'eve', 'nightly')), true)
    })

    scenario('a key ends with its owner', async ({ issue, isGood, server }) => {
      const { token } = await issue()
      await server.authority.users.remove(server.authority.nobody, 'bob' as never)
      assert.equal(await isGood(token), false)
    })
  })

  describe('what languages can that know of it, and all obey', () => {
    scenario('a disabled key is refused until it is enabled', async ({ speaker, root, issue, isGood }, t) => {
      const disable = orSkip(t, speaker.disable)
      const enable = orSkip(t, speaker.enable)
      if (disable === undefined || enable === undefined) return
      const { id, token } = await issue()
      assert.deepEqual(await disable(root, id), { done: 'disabled' })
      assert.equal(await isGood(token), false)
      assert.deepEqual(await enable(root, id), { done: 'enabled' })
      assert.equal(await isGood(token), true)
    })

    scenario('a rotated key has two secrets until the grace is over', async (scene, t) => {
      const rotate = orSkip(t, scene.speaker.rotate)
      if (rotate === undefined) return
      for (const issuer of scene.everybody) {
        const old = done(await issuer.issue(scene.root, { owner: 'bob', description: 'd' }))
        const next: ScenarioKey = done(await rotate(scene.root, old.id, 60_000))
        assert.equal(next.id, old.id)
        assert.deepEqual([await scene.isGood(old.token), await scene.isGood(next.token)], [true, true])
        scene.server.authority.clock.passMs(60_000)
        assert.deepEqual([await scene.isGood(old.token), await scene.isGood(next.token)], [false, true])
        done(await scene.speaker.revoke(scene.root, 'bob', old.id))
        assert.equal(await scene.isGood(next.token), false)
      }
    })

    scenario('a key that was revoked in any language can be restored', async (scene, t) => {
      const restore = orSkip(t, scene.speaker.restore)
      if (restore === undefined) return
      for (const revoker of scene.everybody) {
        const { id, token } = await scene.issue()
        done(await revoker.revoke(scene.root, 'bob', id))
        assert.deepEqual(await restore(scene.bob, id), { refused: 403 })
        assert.deepEqual(await restore(scene.root, id), { done: 'restored' })
        assert.equal(await scene.isGood(token), true)
      }
    })
  })
}

/** Runs a scenario once for each language, on a store that `openStore` gives. */
function runScenario(openStore: OpenStore, name: string, play: Play): void {
  for (const createSpeaker of LANGUAGES) {
    const { language } = createSpeaker('')
    test(`${name} (${language})`, async (t) => {
      const server = await openScenarioServer(t, {}, await openStore(t))
      const everybody = LANGUAGES.map((create) => create(server.url))
      const speaker = createSpeaker(server.url)
      const root = await server.login('root', 'admin')
      const bob = await server.login('bob', 'default')
      const eve = await server.login('eve', 'default')
      const scene: Scene = {
        speaker,
        everybody,
        server,
        root,
        bob,
        eve,
        issue: async (how = {}) =>
          done(await speaker.issue(root, { owner: 'bob', description: 'nightly export', ...how })),
        async isGood(token) {
          const answers = await Promise.all(everybody.map((client) => client.isGood(root, token)))
          const callers = await Promise.all(everybody.map((client) => client.whoIs(token)))
          const [first] = answers
          assert.ok(first !== undefined)
          assert.deepEqual(
            answers,
            everybody.map(() => first),
          )
          assert.deepEqual(
            callers,
            everybody.map(() => (first ? { done: 'bob' } : { refused: 401 })),
          )
          return first
        },
      }
      await play(scene, t)
      assert.deepEqual(server.broken, [])
    })
  }
}

/** The operation in this language; skips the test where it has none. */
function orSkip<Work>(t: TestContext, work: Work | string): Work | undefined {
  if (typeof work !== 'string') return work
  t.skip(work)
  return undefined
}
