import assert from 'node:assert/strict'
import { after, afterEach, before, describe, test } from 'node:test'
import type { ApiKey, FoundKey } from '../../core/keys/api-key.ts'
import { type Fingerprint, fingerprintOf } from '../../core/keys/fingerprint.ts'
import type { Storage } from '../../core/ports/storage.ts'
import type { StoreChange } from '../../core/ports/store-changes.ts'
import { aKnoxKey } from '../contract/knox-keys-contract.ts'
import {
  aKey,
  anEvent,
  aRevocation,
  aSession,
  numbers,
  revokeKey,
  userId,
  withUsers,
} from '../contract/records.ts'
import { openStorage, type StorageOptions } from '../open-storage.ts'
import { type PostgresServer, postgresIsMissing, startPostgres } from './testing/postgres-server.ts'
import { until } from './testing/until.ts'

/** A change of one key, and how a look-up tells that it was made. */
type KeyChange = {
  readonly key?: (id: string) => ApiKey
  /** Before nodes remember the key; answers which fingerprint they remember. */
  readonly prepare?: (storage: Storage, key: ApiKey) => Promise<Fingerprint>
  readonly make: (storage: Storage, key: ApiKey) => Promise<unknown>
  readonly isMade: (found: FoundKey | undefined) => boolean
}

const OWNER = userId('ann')
const DAY = 86_400_000

/** Rotates, so that the first secret stays good until `goodUntil`; answers that one. */
async function rotated({ keys }: Storage, key: ApiKey, goodUntil: number): Promise<Fingerprint> {
  const to = {
    replaces: key.fingerprint,
    fingerprint: fingerprintOf(`next of ${key.id}`),
    previousGoodUntil: goodUntil,
  }
  await keys.rotate(key.id, to, anEvent('key.rotate'))
  return key.fingerprint
}

const endsWithKey = (found: FoundKey | undefined): boolean => found?.revocation !== undefined
const isUnknown = (found: FoundKey | undefined): boolean => found === undefined

const KEY_CHANGES: Readonly<Record<string, KeyChange>> = {
  'a revocation': { make: ({ keys }, { id }) => revokeKey(keys, id), isMade: endsWithKey },
  'a revocation, by an earlier secret': {
    prepare: (storage, key) => rotated(storage, key, 9e12),
    make: ({ keys }, { id }) => revokeKey(keys, id),
    isMade: endsWithKey,
  },
  disabling: {
    make: ({ keys }, { id }) =>
      keys.update(id, (key) => ({ ...key, disabled: { at: 1, by: OWNER } }), anEvent('key.update')),
    isMade: (found) => found?.key.disabled !== undefined,
  },
  'other scopes, by an earlier secret': {
    prepare: (storage, key) => rotated(storage, key, 9e12),
    make: ({ keys }, { id }) =>
      keys.update(id, (key) => ({ ...key, policy: { scopes: ['read'] } }), anEvent('key.update')),
    isMade: (found) => found?.key.policy?.scopes?.[0] === 'read',
  },
  'a rotation, by the secret that it ends': {
    make: (storage, key) => rotated(storage, key, 0),
    isMade: isUnknown,
  },
  'a rotation, by a secret that stays good for a while': {
    make: (storage, key) => rotated(storage, key, 9e12),
    isMade: (found) => found?.goodUntil === 9e12,
  },
  'a restoration': {
    prepare: async ({ keys }, key) => {
      await revokeKey(keys, key.id)
      return key.fingerprint
    },
    make: ({ keys }, { id }) => keys.restore(id, { revokedSince: 0 }, anEvent('key.restore')),
    isMade: (found) => found !== undefined && found.revocation === undefined,
  },
  'that an earlier secret is forgotten': {
    prepare: (storage, key) => rotated(storage, key, 5_000),
    make: ({ keys }) => keys.purge({ now: 6_000, revokedBefore: 0, usedBefore: 0 }),
    isMade: isUnknown,
  },
  'that a revoked key is forgotten': {
    prepare: async ({ keys }, key) => {
      await revokeKey(keys, key.id)
      return key.fingerprint
    },
    make: ({ keys }) => keys.purge({ now: 6_000, revokedBefore: 6_000, usedBefore: 0 }),
    isMade: isUnknown,
  },
  'that an expired key of Knox is forgotten': {
    key: (id) => aKnoxKey(id, OWNER, { expiresAt: 5_000 }),
    make: ({ keys }) => keys.purge({ now: 6_000, revokedBefore: 0, usedBefore: 0, knoxExpiredBefore: 6_000 }),
    isMade: isUnknown,
  },
  'that a key of Knox had to make room': {
    key: (id) => aKnoxKey(id, OWNER),
    make: ({ keys }, { id }) => {
      const replaceOldest = { revocation: aRevocation(), eventOf: () => anEvent('key.delete') }
      return keys.insertKnox(aKnoxKey(`${id} 2`, OWNER), { max: 1, replaceOldest }, anEvent('key.create'))
    },
    isMade: endsWithKey,
  },
  'limits of the owner': {
    make: ({ keys }) =>
      keys.setOwnerLimits(OWNER, [{ name: 'all', limit: 5, windowMs: 1_000 }], anEvent('owner.limits')),
    isMade: (found) => found?.ownerLimits?.length === 1,
  },
  'a use of a key that is judged by it': {
    key: (id) => aKey(id, OWNER, { policy: { idleTimeoutMs: 1_000 } }),
    make: ({ keys }, { id }) =>
      keys.noteUses([
        { id, since: 3 * DAY, lastUsedAt: 3 * DAY, days: new Map([[3, { accepted: 1, refused: 0 }]]) },
      ]),
    isMade: (found) => found?.key.lastUsedAt === 3 * DAY,
  },
  'the removal of the owner': {
    make: ({ users }) => users.remove(OWNER, anEvent('user.delete')),
    isMade: endsWithKey,
  },
  'the removal of all users': {
    make: ({ users }) => users.removeAll(anEvent('user.delete')),
    isMade: endsWithKey,
  },
}

describe('what one node on PostgreSQL changes', { skip: postgresIsMissing() }, () => {
  let server: PostgresServer
  const opened: Storage[] = []
  before(async () => {
    server = await startPostgres()
  })
  after(() => server.stop())
  afterEach(async () => {
    for (const storage of opened.splice(0)) await storage.close()
  })

  async function openNodes(count: number, options: StorageOptions = {}): Promise<readonly Storage[]> {
    const url = await server.newStore()
    for (const _ of numbers(count)) opened.push(await openStorage(url, options))
    return opened
  }

  /** Two nodes, the second of which is the one that hears. */
  async function openTwo(options: StorageOptions = {}): Promise<readonly [Storage, Storage]> {
    const [here, there] = await openNodes(2, options)
    assert.ok(here !== undefined && there !== undefined)
    return [here, there]
  }

  async function remembers({ keys }: Storage, fingerprint: Fingerprint): Promise<void> {
    await until(async () => {
      const found = await keys.lookUp(fingerprint)
      return found !== undefined && keys.lookUp(fingerprint) === found
    })
  }

  for (const [what, change] of Object.entries(KEY_CHANGES)) {
    test(`${what}: true there when it is acknowledged, and on other nodes soon`, async () => {
      const [here, there] = await openTwo()
      await withUsers(here, OWNER)
      const key = change.key?.('k') ?? aKey('k', OWNER)
      if (key.family === 'knox') await here.keys.insertKnox(key, undefined, anEvent('key.create'))
      else await here.keys.insert(key, undefined, anEvent('key.create'))
      const fingerprint = (await change.prepare?.(here, key)) ?? key.fingerprint
      // What the preparation changed has been heard, lest it is taken for the change itself.
      await until(async () => !change.isMade(await there.keys.lookUp(fingerprint)))
      await remembers(here, fingerprint)
      await remembers(there, fingerprint)
      assert.ok(!change.isMade(await there.keys.lookUp(fingerprint)))
      await change.make(here, key)
      assert.ok(change.isMade(await here.keys.lookUp(fingerprint)))
      await until(async () => change.isMade(await there.keys.lookUp(fingerprint)))
    })
  }

  test('adoption of a token: found by it there and elsewhere', async () => {
    const [here, there] = await openTwo()
    const mac = { algorithm: 'HmacSHA256', stored: 'bWFj', issueTime: 1, userName: 'ann' } as const
    const key = aKnoxKey('k', 'ann')
    await here.legacyKeys.importKeys([
      { key, proof: { hashKey: 'hash key', mac }, event: anEvent('key.import') },
    ])
    const token = fingerprintOf('token')
    for (const { keys } of [here, there]) assert.equal(await keys.lookUp(token), undefined)
    const secret = await here.legacyKeys.find(key.id)
    assert.ok(secret !== undefined)
    assert.equal(await here.legacyKeys.adopt(secret, token, anEvent('key.rehash')), true)
    assert.equal((await here.keys.lookUp(token))?.key.id, key.id)
    await until(async () => (await there.keys.lookUp(token))?.key.id === key.id)
  })

  test('a key is found where it was created, also where it was asked for just before', async () => {
    const [here] = await openTwo()
    for (const n of numbers(50)) {
      const key = aKey(`k${n}`, '-1')
      assert.equal(await here.keys.lookUp(key.fingerprint), undefined)
      const asked = here.keys.lookUp(key.fingerprint)
      await here.keys.insert(key, undefined, anEvent('key.create'))
      await asked
      assert.deepEqual(await here.keys.lookUp(key.fingerprint), { key })
    }
  })

  test('sessions that end are told of to every node, with their fingerprints', async () => {
    const [here, there] = await openTwo()
    await withUsers(here, OWNER, 'ben')
    for (const token of ['a', 'b', 'c'])
      await here.sessions.insert(aSession(token, OWNER), anEvent('session.create'))
    await here.sessions.insert(aSession('d', 'ben'), anEvent('session.create'))
    const heard = new Map<Storage, Set<string>>()
    for (const node of [here, there]) {
      const ended = new Set<string>()
      heard.set(node, ended)
      node.changes?.listen((change: StoreChange) => {
        if (change.kind === 'sessions') for (const one of change.fingerprints) ended.add(one)
      })
    }
    const all = ['a', 'b', 'c', 'd'].map(fingerprintOf)
    await here.sessions.remove(fingerprintOf('a'), anEvent('session.logout'))
    assert.deepEqual([...(heard.get(here) ?? [])], all.slice(0, 1))
    await here.sessions.removeByOwner(OWNER, anEvent('session.logout'))
    await here.users.remove(userId('ben'), anEvent('user.delete'))
    assert.deepEqual(heard.get(here), new Set(all))
    await until(() => heard.get(there)?.size === all.length)
    assert.deepEqual(heard.get(there), new Set(all))
  })

  test('is heard of by every listener, whatever another one does', async (t) => {
    const warnings: string[] = []
    const note = (warning: Error): void => void warnings.push(warning.message)
    process.on('warning', note)
    t.after(() => process.removeListener('warning', note))
    const [here, there] = await openTwo()
    const fail = there.changes?.listen(() => {
      throw new RangeError('not now')
    })
    const heard: StoreChange[] = []
    there.changes?.listen((change) => heard.push(change))
    const key = aKey('k', '-1')
    await here.keys.insert(key, undefined, anEvent('key.create'))
    await revokeKey(here.keys, key.id)
    await until(() => heard.length > 0)
    assert.deepEqual(heard[0], { kind: 'keys', fingerprints: [key.fingerprint] })
    await until(() => warnings.some((message) => /not now/.test(message)))
    fail?.()
  })

  test('gets a number, without gaps, whoever makes it, and every node hears of the last', async () => {
    const nodes = await openNodes(3)
    await Promise.all(
      nodes.flatMap(({ keys }, w) =>
        numbers(40).map(async (n) => {
          await keys.insert(aKey(`${w} ${n}`, '-1'), undefined, anEvent('key.create'))
          await revokeKey(keys, `${w} ${n}`)
        }),
      ),
    )
    await until(() => nodes.every(({ changes }) => changes?.lag().heardSequence === 120))
  })

  test('is not remembered without bound', async () => {
    const [here] = await openNodes(1, { keysInMemoryMax: 10 })
    assert.ok(here !== undefined)
    for (const n of numbers(50)) {
      const key = aKey(`k${n}`, '-1')
      await here.keys.insert(key, undefined, anEvent('key.create'))
      assert.deepEqual(await here.keys.lookUp(key.fingerprint), { key })
    }
    assert.equal(here.cachedKeys(), 10)
  })
})
