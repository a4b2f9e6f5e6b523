import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, describe, it } from 'node:test'
import type { ApiKey } from '../core/keys/api-key.ts'
import { fingerprintOf } from '../core/keys/fingerprint.ts'
import type { Storage } from '../core/ports/storage.ts'
import {
  aKey,
  anEvent,
  aSession,
  keyId,
  numbers,
  refusal,
  revokeKey,
  someCredentials,
  userId,
  withUsers,
} from './contract/records.ts'
import { type MoveReport, type MoveRequest, moveStore } from './move-store.ts'
import { MOVE_TABLES } from './move-tables.ts'
import { openStorage } from './open-storage.ts'
import { type PostgresServer, postgresIsMissing, startPostgres } from './postgres/testing/postgres-server.ts'
import { openSqliteTarget } from './sqlite/move-sqlite.ts'

const KEYS = 10_000
const OWNERS = ['ada', 'bob', 'eve \u0000\u0001 ünï']

describe('moving a store', { skip: postgresIsMissing() }, () => {
  let postgres: PostgresServer
  let folder: string
  let files = 0
  before(async () => {
    postgres = await startPostgres()
    folder = mkdtempSync(join(tmpdir(), 'latchkey-move-'))
  })
  after(async () => {
    await postgres.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  const newFile = (): string => {
    files += 1
    return `sqlite:${join(folder, `${files}.db`)}`
  }
  const move = (from: string, to: string, how: Partial<MoveRequest> = {}): Promise<MoveReport> =>
    moveStore({ from, to, finish: false, dryRun: false, ...how })

  it(`takes ${KEYS} keys of all kinds to PostgreSQL and back, and nothing is another one then`, async () => {
    const [file, store, back] = [newFile(), await postgres.newStore(), newFile()]
    const wanted = await withStore(file, async (storage) => {
      await fill(storage)
      return snapshotOf(storage)
    })
    assert.equal(rowsOf(await move(file, store, { dryRun: true }), 'keys').rows, KEYS - 1_000)
    await move(file, store, { finish: true })
    assert.deepEqual(await withStore(store, snapshotOf), wanted)
    await move(store, back, { finish: true })
    assert.deepEqual(await withStore(back, snapshotOf), wanted)
  })

  it('copies what changed since the pass before while the source goes on, and is equal after the last', async () => {
    const [file, store] = [newFile(), await postgres.newStore()]
    const source = await openStorage(file)
    try {
      await withUsers(source, ...OWNERS)
      await rememberRequest(source)
      for (const n of numbers(20)) await source.keys.insert(aKey(`k${n}`, 'ada'), undefined, issued)
      await move(file, store)
      await refuseToServe(store)
      await revokeKey(source.keys, 'k3')
      await source.keys.insert(aKey('k3', 'bob', { fingerprint: fingerprintOf('another') }), 9, issued)
      await source.keys.update(keyId('k4'), (key) => ({ ...key, description: 'changed' }), issued)
      await source.users.remove(userId(OWNERS[2] ?? ''), anEvent('user.delete'))
      const second = await move(file, store)
      assert.deepEqual(rowsOf(second, 'keys'), { rows: 20, added: 2, removed: 2 })
      assert.deepEqual(rowsOf(second, 'revoked_keys'), { rows: 1, added: 1, removed: 0 })
      const wanted = await snapshotOf(source)
      assert.deepEqual(rowsOf(await move(file, store, { finish: true }), 'keys').added, 0)
      assert.deepEqual(await withStore(store, snapshotOf), wanted)
      await withStore(store, (storage) => storage.keys.insert(aKey('new', 'ada'), undefined, issued))
    } finally {
      await source.close()
    }
    await refusal(move(file, store), 'storage.unavailable')
  })

  it('takes nothing from a store that another move has not finished', async () => {
    const [one, store, file] = [newFile(), await postgres.newStore(), newFile()]
    await withStore(one, (storage) => withUsers(storage, 'ada'))
    await move(one, store)
    await refusal(move(store, file, { finish: true }), 'storage.unavailable')
    const [other, half, next] = [await postgres.newStore(), newFile(), await postgres.newStore()]
    await withStore(other, (storage) => withUsers(storage, 'ada'))
    await move(other, half)
    await refusal(move(half, next, { finish: true }), 'storage.unavailable')
  })

  it('goes on where it was when it was interrupted just before the end', async () => {
    const [store, file] = [await postgres.newStore(), newFile()]
    const wanted = await withStore(store, async (storage) => {
      await withUsers(storage, 'ada')
      await rememberRequest(storage)
      for (const n of numbers(3)) await storage.keys.insert(aKey(`k${n}`, 'ada'), undefined, issued)
      await move(store, file)
      await revokeKey(storage.keys, 'k1')
      await storage.keys.purge({ now: 9e12, revokedBefore: 9e12, usedBefore: 0 })
      return snapshotOf(storage)
    })
    await move(store, file)
    const target = openSqliteTarget(file.slice('sqlite:'.length))
    await target.settle()
    await target.close()
    await move(store, file, { finish: true })
    assert.deepEqual(await withStore(file, snapshotOf), wanted)
  })

  it('takes keys that were restored between two passes, in the order in which they are listed', async () => {
    const [store, file] = [await postgres.newStore(), newFile()]
    const wanted = await withStore(store, async (storage) => {
      await withUsers(storage, 'ada')
      await rememberRequest(storage)
      for (const n of numbers(3)) await storage.keys.insert(aKey(`k${n}`, 'ada'), undefined, issued)
      for (const id of ['k0', 'k1', 'k2']) await revokeKey(storage.keys, id)
      await move(store, file)
      await storage.keys.insert(aKey('k3', 'ada'), undefined, issued)
      for (const id of ['k0', 'k1']) {
        await storage.keys.restore(keyId(id), { revokedSince: 0 }, anEvent('key.restore', id))
      }
      await revokeKey(storage.keys, 'k1')
      return snapshotOf(storage)
    })
    await move(store, file, { finish: true })
    assert.deepEqual(await withStore(file, snapshotOf), wanted)
  })

  it('gives no new key the place of one that was revoked before the move', async () => {
    const [store, file] = [await postgres.newStore(), newFile()]
    await withStore(store, async ({ keys, ...storage }) => {
      await withUsers({ keys, ...storage }, 'ada')
      await keys.insert(aKey('stays', 'ada'), undefined, issued)
      await keys.insert(aKey('ended', 'ada'), undefined, issued)
      const to = { replaces: fingerprintOf('key of ended'), fingerprint: fingerprintOf('next') }
      const times = { goodFrom: 5_000, previousGoodUntil: 9e12 }
      await keys.rotate(keyId('ended'), { ...to, ...times }, anEvent('key.rotate', 'ended'))
      await revokeKey(keys, 'ended')
    })
    await move(store, file, { finish: true })
    await withStore(file, async ({ keys }) => {
      await keys.insert(aKey('new', 'ada'), undefined, issued)
      const found = await keys.lookUp(fingerprintOf('key of ended'))
      assert.equal(found?.key.id, 'ended')
      assert.ok(found?.revocation !== undefined)
      await revokeKey(keys, 'new')
    })
  })

  it('refuses a target that holds anything else, and leaves it as it is', async () => {
    const [one, other, store] = [newFile(), newFile(), await postgres.newStore()]
    for (const file of [one, other]) await withStore(file, (storage) => withUsers(storage, 'ada'))
    await withStore(store, async (storage) => {
      await withUsers(storage, 'somebody')
      await rememberRequest(storage)
    })
    const before = await withStore(store, snapshotOf)
    await refusal(move(one, store), 'storage.unavailable')
    await refusal(move(one, store, { dryRun: true }), 'storage.unavailable')
    assert.deepEqual(await withStore(store, snapshotOf), before)
    const unfinished = await postgres.newStore()
    await move(one, unfinished)
    await refusal(move(other, unfinished), 'storage.unavailable')
    await refusal(move(one, other), 'storage.unavailable')
  })

  it('knows of every table of either store whether it moves', async () => {
    const [file, store] = [newFile(), await postgres.newStore()]
    for (const url of [file, store]) await withStore(url, async () => undefined)
    const database = new DatabaseSync(file.slice('sqlite:'.length), { readOnly: true })
    const files = database
      .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
      .all()
    database.close()
    const schema = decodeURIComponent(store.split('search_path%3D')[1] ?? '')
    const tables = await postgres.run(
      `SELECT tablename AS name FROM pg_tables WHERE schemaname = '${schema}'`,
    )
    const known = new Set([...MOVE_TABLES.map(({ name }) => String(name)), ...STAY])
    const unknown = [...files, ...tables].filter(({ name }) => !known.has(String(name)))
    assert.deepEqual(unknown, [])
    assert.ok(files.length > MOVE_TABLES.length && tables.length > MOVE_TABLES.length)
  })

  async function refuseToServe(store: string): Promise<void> {
    const state = await withStore(store, (storage) => storage.config.read('move'))
    assert.equal(state?.['state'], 'copying')
  }
})

/** What is worked out anew, moves as a part of something else, or lives for a moment only. */
const STAY = [
  ...['schema_migrations', 'latchkey_migrations', 'owner_stats', 'key_last_uses'],
  ...['key_changes', 'changes', 'change_position', 'credit_leases', 'rate_counters', 'cluster_nodes'],
  ...['audit_chains', 'audit_position', 'audit_seals', 'audit_sealing', 'scrolls', 'scroll_pages'],
  ...['key_index_owner', 'key_index_segment', 'key_index_chunk', 'key_index_gone'],
]

const issued = anEvent('key.create')

function rowsOf({ tables }: MoveReport, name: string) {
  const { rows, added, removed } = tables.find(({ table }) => table === name) ?? assert.fail(name)
  return { rows, added, removed }
}

async function withStore<T>(url: string, work: (storage: Storage) => Promise<T>): Promise<T> {
  const storage = await openStorage(url)
  try {
    return await work(storage)
  } finally {
    await storage.close()
  }
}

/** Keys of every kind in turn; the last thousand of them are revoked, and some have other secrets by now. */
async function fill(storage: Storage): Promise<void> {
  await withUsers(storage, ...OWNERS)
  const { keys } = storage
  const add = (n: number) =>
    n % 5 === 4
      ? keys.insertKnox(keyOfKind(n), undefined, issued)
      : keys.insert(keyOfKind(n), undefined, issued)
  for (let at = 0; at < KEYS; at += 500) await Promise.all(numbers(500).map((n) => add(at + n)))
  for (const n of numbers(100)) {
    const replaces = fingerprintOf(`key of key-${n}`)
    const to = { replaces, fingerprint: fingerprintOf(`next ${n}`), goodFrom: 5_000, previousGoodUntil: 9e12 }
    await keys.rotate(keyId(`key-${n}`), to, anEvent('key.rotate', `key-${n}`))
  }
  for (let n = KEYS - 1_000; n < KEYS; n += 1) await revokeKey(keys, `key-${n}`)
  await keys.spend(keyId('key-3'), 7, 3_000)
  await keys.noteUses([
    {
      id: keyId('key-1'),
      since: 7_000,
      lastUsedAt: 7_000,
      days: new Map([[3, { accepted: 2, refused: 1 }]]),
    },
  ])
  await keys.setOwnerLimits(userId('ada'), [{ name: 'all', limit: 5, windowMs: 1_000 }], issued)
  await storage.users.createCredentials(someCredentials('ada'), anEvent('credentials.create'))
  for (const n of numbers(50)) {
    await storage.sessions.insert(aSession(`session ${n}`, 'bob', { ttlMs: 5, expiresAt: 9e12 + n }), issued)
  }
  await storage.config.readOrCreate('secret', { value: 'of \u0000 signing' })
  await rememberRequest(storage)
}

async function rememberRequest({ idempotency }: Storage): Promise<void> {
  await idempotency.reserve({ ...REQUEST, at: 1_000 })
  await idempotency.finish(REQUEST.caller, REQUEST.key, 'key-1')
}

const REQUEST = { caller: 'ada', key: 'once', requestDigest: 'd', keptUntil: 9e12 }

function keyOfKind(n: number): ApiKey {
  const owner = OWNERS[n % OWNERS.length] ?? ''
  const kinds: readonly Partial<ApiKey>[] = [
    { ttlMs: 60_000.5, expiresAt: 9e12 + n },
    {
      family: 'native',
      keyspace: 'default',
      hint: 'abcd',
      metadata: { team: `t${n % 7}`, deep: { a: [1] } },
    },
    {
      family: 'native',
      policy: { scopes: ['a:read', 'b:*'], idleTimeoutMs: 9e12 },
      description: 'with \u0000 in it',
    },
    { family: 'native', policy: { credits: { initial: 1_000 } } },
    { family: 'knox', metadata: { comment: `c${n}` }, disabled: { at: 4, by: userId('ada'), reason: 'r' } },
  ]
  return aKey(`key-${n}`, owner, kinds[n % kinds.length])
}

/** What the ports tell of everything, in the order in which they tell it. */
async function snapshotOf(storage: Storage) {
  const { keys, sessions, users, audit, config, idempotency } = storage
  const live = []
  const revoked = []
  for (const state of [undefined, 'revoked'] as const) {
    for (const owner of OWNERS) {
      let after: string | undefined
      do {
        const filter = { owner: userId(owner), now: 1_500, ...(state !== undefined && { state }) }
        const page = await keys.list(filter, { limit: 500, ...(after !== undefined && { after }) })
        if (state === undefined) live.push(...page.keys)
        else revoked.push(...page.keys)
        after = page.next
      } while (after !== undefined)
    }
  }
  const secrets = [...numbers(100).map((n) => `next ${n}`), ...numbers(KEYS).map((n) => `key of key-${n}`)]
  const lookedUp = []
  for (let n = 0; n < secrets.length; n += 7)
    lookedUp.push(await keys.lookUp(fingerprintOf(secrets[n] ?? '')))
  const events = await audit.list(0, 100_000)
  return {
    live,
    revoked,
    lookedUp,
    events,
    credits: await keys.credits(keyId('key-3'), 3_000),
    usage: await keys.usage(keyId('key-1'), 5),
    limits: await keys.ownerLimits(userId('ada')),
    counts: await Promise.all(OWNERS.map((owner) => keys.countByOwner(userId(owner)))),
    users: await users.findMany(OWNERS.map(userId)),
    credentials: await users.findCredentials(userId('ada')),
    roles: await storage.access.findRole('base' as never),
    sessions: await Promise.all(
      numbers(50).map((n) => sessions.findByFingerprint(fingerprintOf(`session ${n}`))),
    ),
    secret: await config.read('secret'),
    once: await idempotency.reserve({ ...REQUEST, at: 2_000 }),
  }
}
