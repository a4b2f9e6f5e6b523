import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Client } from 'pg'
import type { Session } from '../../core/access/session.ts'
import { DomainError } from '../../core/errors.ts'
import type { ApiKey } from '../../core/keys/api-key.ts'
import { fingerprintOf } from '../../core/keys/fingerprint.ts'
import type { Storage } from '../../core/ports/storage.ts'
import type { ChangeOrigin } from '../../core/ports/store-changes.ts'
import { aKnoxKey } from '../contract/knox-keys-contract.ts'
import {
  aKey,
  anEvent,
  aSession,
  numbers,
  profileId,
  refusal,
  revokeKey,
  roleId,
  userId,
  withUsers,
} from '../contract/records.ts'
import { openStorage, type StorageOptions } from '../open-storage.ts'
import { NEWS } from './change-history.ts'
import { NOTHING_MAX_MS } from './key-memory.ts'
import { type PostgresServer, postgresIsMissing, startPostgres } from './testing/postgres-server.ts'
import { startProxy, type TestProxy } from './testing/proxy.ts'
import { until } from './testing/until.ts'

/** A node that works, and one whose network and clock the test has in its hands. */
type Nodes = {
  readonly well: Storage
  readonly cut: Storage
  readonly proxy: TestProxy
  readonly url: string
  /** Moves the monotonic clock of `cut` on. */
  readonly pass: (ms: number) => void
}

const STALE_AFTER_MS = 1_000
const STALE_MAX_MS = 5_000

describe('a node that does not hear of changes', { skip: postgresIsMissing() }, () => {
  let server: PostgresServer
  before(async () => {
    server = await startPostgres()
  })
  after(() => server.stop())

  const withNodes =
    (body: (nodes: Nodes) => Promise<void>, options: StorageOptions = {}) =>
    async () => {
      const url = await server.newStore()
      const proxy = await startProxy(server.port)
      let now = 1_000_000
      const well = await openStorage(url)
      const cut = await openStorage(proxy.through(url), {
        staleAfterMs: STALE_AFTER_MS,
        staleMaxMs: STALE_MAX_MS,
        monotonicNow: () => now,
        ...options,
      })
      const pass = (ms: number): void => {
        now += ms
      }
      try {
        await body({ well, cut, proxy, url, pass })
      } finally {
        proxy.release()
        proxy.recover()
        await cut.close()
        await well.close()
        await proxy.stop()
      }
    }

  /** A key that both nodes remember. */
  async function aSharedKey({ well, cut }: Nodes, id: string): Promise<ApiKey> {
    const key = aKey(id, '-1')
    await well.keys.insert(key, undefined, anEvent('key.create'))
    assert.deepEqual(await well.keys.lookUp(key.fingerprint), { key })
    assert.deepEqual(await cut.keys.lookUp(key.fingerprint), { key })
    assert.ok(!(cut.keys.lookUp(key.fingerprint) instanceof Promise))
    return key
  }

  const isRevoked = async ({ keys }: Storage, { fingerprint }: ApiKey): Promise<boolean> =>
    (await keys.lookUp(fingerprint))?.revocation !== undefined

  test(
    'hears without a wake-up of what was changed by hand',
    withNodes(async (nodes) => {
      const key = await aSharedKey(nodes, 'k')
      const schema = /search_path%3D(\w+)/.exec(nodes.url)?.[1]
      await server.run(`BEGIN; SET LOCAL search_path = ${schema};
        UPDATE keys SET description = 'by hand' WHERE id = 'k';
        INSERT INTO changes (writer, kind, fingerprints)
          VALUES (gen_random_uuid(), 'keys', ARRAY['\\x${key.fingerprint}'::bytea]);
        COMMIT`)
      for (const { keys } of [nodes.well, nodes.cut]) {
        await until(async () => (await keys.lookUp(key.fingerprint))?.key.description === 'by hand')
      }
      // The change that nobody numbered is numbered by who hears of it.
      await until(() => nodes.cut.changes?.lag().heardSequence === 1)
    }),
  )

  test(
    'believes its memory for so long and no longer, and reads through from then on',
    withNodes(async (nodes) => {
      const { well, cut, proxy, pass } = nodes
      const key = await aSharedKey(nodes, 'k')
      proxy.swallow('feed')
      await revokeKey(well.keys, key.id)
      pass(STALE_AFTER_MS - 1)
      const found = cut.keys.lookUp(key.fingerprint)
      assert.ok(!(found instanceof Promise) && found?.revocation === undefined)
      pass(1)
      assert.equal(cut.changes?.isFresh(), false)
      assert.ok(await isRevoked(cut, key))
      proxy.recover()
      await until(() => cut.changes?.isFresh() === true)
      assert.ok(await isRevoked(cut, key))
    }),
  )

  test(
    'reads the roles of users through as well',
    withNodes(async ({ well, cut, proxy, pass }) => {
      await withUsers(well, 'ann')
      const before = await cut.access.rolesOf(userId('ann'))
      await until(async () => {
        await cut.access.rolesOf(userId('ann'))
        return cut.access.rolesOf(userId('ann')) === before
      })
      proxy.swallow('feed')
      await well.access.updateRole(
        before[0]?.id ?? assert.fail('no role'),
        (role) => ({ ...role, content: { changed: true } }),
        anEvent('role.update'),
      )
      pass(STALE_AFTER_MS)
      assert.deepEqual((await cut.access.rolesOf(userId('ann')))[0]?.content, { changed: true })
    }),
  )

  test(
    'hears by wake-ups alone, although others never stop to wake it',
    withNodes(
      async (nodes) => {
        const { well, cut, url } = nodes
        const key = await aSharedKey(nodes, 'k')
        const client = new Client({ connectionString: url })
        await client.connect()
        const wake = () => client.query("SELECT pg_notify('latchkey_changes_' || md5(current_schema()), '')")
        let isHeard = false
        const waking = (async () => {
          while (!isHeard) await Promise.all(numbers(20).map(wake))
        })()
        try {
          await revokeKey(well.keys, key.id)
          await until(() => isRevoked(cut, key))
        } finally {
          isHeard = true
          await waking
          await client.end()
        }
      },
      { pollMs: 600_000, staleAfterMs: 1_200_000, staleMaxMs: 1_200_000 },
    ),
  )

  test(
    'connects anew when the connection over which it hears is dead without a word',
    withNodes(async (nodes) => {
      const key = await aSharedKey(nodes, 'k')
      nodes.proxy.swallow('feed')
      await revokeKey(nodes.well.keys, key.id)
      nodes.proxy.recover()
      await until(() => isRevoked(nodes.cut, key))
    }),
  )

  test(
    'refuses when it cannot reach the store either, and goes on when it can',
    withNodes(async (nodes) => {
      const { cut, well, proxy, pass } = nodes
      const key = await aSharedKey(nodes, 'k')
      proxy.swallow('feed')
      proxy.swallow('others')
      pass(STALE_AFTER_MS)
      await refusal(look(cut, key), 'storage.unavailable')
      // While one waits for the store, the others do not.
      const all = numbers(20).map(() => refusal(look(cut, key), 'storage.unavailable'))
      await Promise.all(all)
      await revokeKey(well.keys, key.id)
      proxy.recover()
      await until(() => look(cut, key).then((found) => found?.revocation !== undefined, isUnavailable))
    }),
  )

  test(
    'serves what it remembers for so long, where that is wanted, and nothing else',
    withNodes(
      async (nodes) => {
        const { cut, proxy, pass } = nodes
        const key = await aSharedKey(nodes, 'k')
        proxy.swallow('feed')
        proxy.swallow('others')
        pass(STALE_AFTER_MS)
        assert.deepEqual(await look(cut, key), { key })
        await refusal(look(cut, aKey('unknown', '-1')), 'storage.unavailable')
        pass(STALE_MAX_MS - STALE_AFTER_MS - 1)
        assert.deepEqual(await look(cut, key), { key })
        pass(1)
        await refusal(look(cut, key), 'storage.unavailable')
      },
      { whenUnreachable: 'serve-stale' },
    ),
  )

  test(
    'finds sessions as it finds keys: from memory while it hears of their end, then from the store, then not for long',
    withNodes(async ({ well, cut, proxy, pass }) => {
      await withUsers(well, 'ann')
      const [ended, refreshed, lasting] = ['ended', 'refreshed', 'lasting'].map((token) =>
        aSession(token, 'ann'),
      )
      if (!ended || !refreshed || !lasting) return assert.fail()
      for (const session of [ended, refreshed, lasting]) {
        await well.sessions.insert(session, anEvent('session.create'))
        assert.deepEqual(await cut.sessions.findByFingerprint(session.fingerprint), session)
      }
      await well.sessions.remove(ended.fingerprint, anEvent('session.logout'))
      await well.sessions.refresh(
        refreshed.fingerprint,
        9_000,
        aSession('next', 'ann'),
        anEvent('session.refresh'),
      )
      const find = async ({ fingerprint }: Session) => cut.sessions.findByFingerprint(fingerprint)
      await until(async () => (await find(ended)) === undefined)
      await until(async () => (await find(refreshed))?.expiresAt === 9_000)
      proxy.swallow('others')
      assert.deepEqual(await find(lasting), lasting)
      proxy.swallow('feed')
      pass(STALE_AFTER_MS)
      await refusal(find(lasting), 'storage.unavailable')
      const askedAt = performance.now()
      await Promise.allSettled(numbers(20).map(() => find(lasting)))
      assert.ok(
        performance.now() - askedAt < 3_500,
        'one tries the store, and is not waited for by the others',
      )
    }),
  )

  test(
    'serves stale keys and sessions at once, and tries the store beside that',
    withNodes(
      async (nodes) => {
        const { well, cut, proxy, pass } = nodes
        const key = await aSharedKey(nodes, 'k')
        await withUsers(well, 'ann')
        const session = aSession('token', 'ann')
        const find = () => cut.sessions.findByFingerprint(session.fingerprint)
        await well.sessions.insert(session, anEvent('session.create'))
        assert.deepEqual(await find(), session)
        const user = await cut.users.find(userId('ann'))
        const role = await cut.access.findRole(roleId('base'))
        const profile = await cut.access.findProfile(profileId('default'))
        assert.ok(user && role && profile)
        proxy.swallow('feed')
        proxy.swallow('others')
        pass(STALE_AFTER_MS)
        // Nobody knows yet that the store is silent.
        assert.deepEqual(await look(cut, key), { key })
        const askedAt = performance.now()
        for (const _ of numbers(3)) {
          assert.deepEqual(await look(cut, key), { key })
          assert.deepEqual(await find(), session)
          assert.deepEqual(await cut.users.find(userId('ann')), user)
          assert.equal(await cut.access.findRole(roleId('base')), role)
          assert.equal(await cut.access.findProfile(profileId('default')), profile)
        }
        assert.ok(performance.now() - askedAt < 500)
        proxy.recover()
        await revokeKey(well.keys, key.id)
        await until(() => isRevoked(cut, key))
      },
      { whenUnreachable: 'serve-stale' },
    ),
  )

  test(
    'serves no roles of which it heard that they may have changed, although it may serve stale ones',
    withNodes(
      async ({ well, cut, proxy, pass }) => {
        await withUsers(well, 'ann')
        await cut.access.findRole(roleId('base'))
        await cut.users.find(userId('ann'))
        const before = await cut.access.rolesOf(userId('ann'))
        await until(() => !(cut.access.rolesOf(userId('ann')) instanceof Promise))
        const heard = new Promise<void>((resolve) => {
          cut.changes?.listen(({ kind }) => {
            if (kind === 'access') resolve()
          })
        })
        await well.access.updateRole(
          before[0]?.id ?? assert.fail('no role'),
          (role) => ({ ...role, content: { changed: true } }),
          anEvent('role.update'),
        )
        await heard
        proxy.swallow('feed')
        proxy.swallow('others')
        pass(STALE_AFTER_MS)
        await refusal(Promise.resolve(cut.access.rolesOf(userId('ann'))), 'storage.unavailable')
        await refusal(cut.access.findRole(roleId('base')), 'storage.unavailable')
        await refusal(cut.users.find(userId('ann')), 'storage.unavailable')
      },
      { whenUnreachable: 'serve-stale' },
    ),
  )

  test(
    'does not remember what was read before a change that it heard of meanwhile',
    withNodes(async (nodes) => {
      const { well, cut, proxy } = nodes
      const key = aKey('k', '-1')
      await well.keys.insert(key, undefined, anEvent('key.create'))
      // All connections are there, so that what is held is the answer to the look-up.
      for (const n of numbers(4)) await look(cut, aKey(`unknown ${n}`, '-1'))
      const heard = new Promise<void>((resolve) => cut.changes?.listen(() => resolve()))
      proxy.hold('others')
      const asked = look(cut, key).catch(isUnavailable)
      await until(() => proxy.heldBytes('others') > 0)
      await revokeKey(well.keys, key.id)
      await heard
      proxy.release()
      // It was asked before the revocation, so either answer is true.
      await asked
      assert.ok(await isRevoked(cut, key))
    }),
  )

  test(
    'hears of a change of its own of which the answer was lost as if another node had made it: nobody else says it here',
    withNodes(async (nodes) => {
      const { well, cut, proxy } = nodes
      const key = await aSharedKey(nodes, 'k')
      const origins: ChangeOrigin[] = []
      cut.changes?.listen(({ kind }, origin) => {
        if (kind === 'keys') origins.push(origin)
      })
      proxy.hold('others')
      const revoked = refusal(revokeKey(cut.keys, key.id), 'storage.unavailable')
      await until(() => isRevoked(well, key))
      await until(() => origins.length > 0)
      proxy.refuse()
      await revoked
      assert.deepEqual(origins, ['another node'])
      proxy.recover()
    }),
  )

  test(
    'is not sent again each time what it heard of last, which may be long',
    withNodes(async (nodes) => {
      const { well, cut, url } = nodes
      await revokeKey(well.keys, (await aSharedKey(nodes, 'k')).id)
      await until(() => cut.changes?.lag().heardSequence === 1)
      const client = new Client({ connectionString: url })
      await client.connect()
      try {
        for (const [from, fingerprints] of [
          [0, 1],
          [1, undefined],
        ]) {
          const { rows } = await client.query<unknown[]>({ text: NEWS, values: [from], rowMode: 'array' })
          const [change] = rows.filter((row) => row[3] === 'keys')
          assert.equal(Number(change?.[0]), 1)
          assert.equal((change?.[4] as unknown[] | null)?.length, fingerprints)
        }
      } finally {
        await client.end()
      }
    }),
  )

  test(
    'forgets everything when it missed more than is kept',
    withNodes(async (nodes) => {
      const { well, cut, proxy, url } = nodes
      const key = await aSharedKey(nodes, 'k')
      await revokeKey(well.keys, (await aSharedKey(nodes, 'other')).id)
      await until(() => cut.changes?.lag().heardSequence === 1)
      const schema = /search_path%3D(\w+)/.exec(url)?.[1]
      proxy.hold('feed')
      await server.run(`SET search_path = ${schema};
        UPDATE keys SET description = 'changed';
        INSERT INTO changes (writer, kind) SELECT gen_random_uuid(), 'lease' FROM generate_series(1, 30);
        SELECT number_changes(1000, 10)`)
      proxy.release()
      await until(async () => (await cut.keys.lookUp(key.fingerprint))?.key.description === 'changed')
    }),
  )

  test(
    'finds the key of a token that was adopted elsewhere once nothing is there to prove it any more',
    withNodes(async ({ well, cut, proxy }) => {
      const key = aKnoxKey('k', 'ann')
      const mac = { algorithm: 'HmacSHA256', stored: 'bWFj', issueTime: 1, userName: 'ann' } as const
      await well.legacyKeys.importKeys([
        { key, proof: { hashKey: 'hash key', mac }, event: anEvent('key.import') },
      ])
      const token = fingerprintOf('token')
      proxy.hold('feed')
      assert.equal(await cut.keys.lookUp(token), undefined)
      assert.equal(cut.keys.lookUp(token), undefined)
      const secret = await well.legacyKeys.find(key.id)
      assert.ok(secret !== undefined)
      assert.equal(await well.legacyKeys.adopt(secret, token, anEvent('key.rehash')), true)
      assert.equal(await cut.legacyKeys.find(key.id), undefined)
      assert.equal((await cut.keys.lookUp(token))?.key.id, key.id)
    }),
  )

  test(
    'takes no memory for what leads to nothing as true for long',
    withNodes(
      async ({ well, cut, pass }) => {
        const key = aKey('k', '-1')
        assert.equal(await look(cut, key), undefined)
        assert.ok(!(cut.keys.lookUp(key.fingerprint) instanceof Promise))
        await well.keys.insert(key, undefined, anEvent('key.create'))
        pass(NOTHING_MAX_MS)
        await until(async () => (await look(cut, key)) !== undefined)
      },
      { staleAfterMs: 60_000, staleMaxMs: 60_000 },
    ),
  )
})

async function look({ keys }: Storage, { fingerprint }: ApiKey) {
  return await keys.lookUp(fingerprint)
}

/** False for the refusal that callers can live with; anything else fails the test. */
function isUnavailable(error: unknown): boolean {
  assert.ok(error instanceof DomainError && error.code === 'storage.unavailable', String(error))
  return false
}
