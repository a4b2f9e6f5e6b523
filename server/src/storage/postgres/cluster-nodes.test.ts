import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { ClusterNodes, NodeReport } from '../../core/ports/cluster-nodes.ts'
import type { Storage } from '../../core/ports/storage.ts'
import { refusal } from '../contract/records.ts'
import { openStorage, readClusterOf } from '../open-storage.ts'
import { DEAD_NODE_KEPT_MS, NODE_STALE_AFTER_MS } from './node-bounds.ts'
import { type PostgresServer, postgresIsMissing, startPostgres } from './testing/postgres-server.ts'

const report = (name: string, more: Partial<NodeReport> = {}): NodeReport => ({
  name,
  version: '1.2.3',
  address: 'http://127.0.0.1:7512',
  threads: 2,
  state: 'ready',
  clockAheadMs: 0,
  ...more,
})

/** However slow this machine is. */
const FOR_LONG_MS = 3_600_000

describe('the nodes on one PostgreSQL', { skip: postgresIsMissing() }, () => {
  let server: PostgresServer
  before(async () => {
    server = await startPostgres()
  })
  after(() => server.stop())

  type Opened = { readonly storage: Storage; readonly cluster: ClusterNodes }

  async function withNodes(
    count: number,
    body: (nodes: readonly Opened[], url: string) => Promise<void>,
  ): Promise<void> {
    const url = await server.newStore()
    const storages: Storage[] = []
    try {
      while (storages.length < count) storages.push(await openStorage(url))
      await body(
        storages.map((storage) => ({ storage, cluster: storage.cluster ?? assert.fail() })),
        url,
      )
    } finally {
      for (const storage of storages) await storage.close()
    }
  }

  /** Makes it so long since the heartbeat of a node. */
  const age = (url: string, name: string, ms: number) =>
    server.run(
      `UPDATE ${/search_path%3D(\w+)/.exec(url)?.[1]}.cluster_nodes
        SET heartbeat_at = heartbeat_at - interval '${ms} milliseconds' WHERE name = '${name}'`,
    )

  const at = (nodes: readonly Opened[], index: number): ClusterNodes => nodes[index]?.cluster ?? assert.fail()

  test('are known from their first heartbeat until they leave, with what they last said', () =>
    withNodes(2, async (nodes, url) => {
      await at(nodes, 0).beat(report('b'))
      await at(nodes, 1).beat(report('a', { clockAheadMs: -7 }))
      await at(nodes, 0).beat(report('b', { state: 'draining' }))
      const view = await readClusterOf(url)
      assert.deepEqual(
        view?.nodes.map(({ name, state, clockAheadMs, threads }) => [name, state, clockAheadMs, threads]),
        [
          ['a', 'ready', -7, 2],
          ['b', 'draining', 0, 2],
        ],
      )
      for (const { startedAt, heartbeatAt } of view.nodes) {
        assert.ok(startedAt <= heartbeatAt && heartbeatAt <= view.at)
      }
      assert.deepEqual((await at(nodes, 1).list()).nodes, view.nodes)
      await at(nodes, 0).leave()
      assert.deepEqual(
        (await at(nodes, 1).list()).nodes.map(({ name }) => name),
        ['a'],
      )
    }))

  test('that fall silent are stale, and forgotten after a bound or when another takes their name', () =>
    withNodes(4, async (nodes, url) => {
      const names = ['dies', 'long-dead', 'restarted', 'lives']
      for (const [index, name] of names.entries()) await at(nodes, index).beat(report(name))
      await age(url, 'dies', NODE_STALE_AFTER_MS)
      await age(url, 'restarted', NODE_STALE_AFTER_MS)
      await age(url, 'long-dead', DEAD_NODE_KEPT_MS)
      await age(url, 'lives', -FOR_LONG_MS)
      const { alive, stale } = await at(nodes, 3).readMoment()
      assert.deepEqual([alive, stale], [1, 3])
      await at(nodes, 3).beat(report('restarted'))
      await age(url, 'lives', -FOR_LONG_MS)
      const { nodes: left } = await at(nodes, 3).list()
      assert.deepEqual(
        left.map(({ name, isStale }) => [name, isStale]),
        [
          ['dies', true],
          // A node keeps the name under which it came.
          ['lives', false],
        ],
      )
      // Who was taken for dead and is not comes back with its next heartbeat.
      await at(nodes, 2).beat(report('restarted'))
      await age(url, 'restarted', -FOR_LONG_MS)
      assert.equal((await at(nodes, 3).readMoment()).alive, 2)
    }))

  test('that live under one name are told apart', () =>
    withNodes(2, async (nodes) => {
      await at(nodes, 0).beat(report('same'))
      await at(nodes, 1).beat(report('same'))
      await at(nodes, 0).beat(report('same'))
      assert.equal((await at(nodes, 0).list()).nodes.length, 2)
    }))

  test('read the time of the store', () =>
    withNodes(1, async (nodes) => {
      const read = async () =>
        Number((await server.run('SELECT extract(epoch FROM clock_timestamp()) * 1000 AS ms'))[0]?.['ms'])
      const earlier = await read()
      const { at: time } = await at(nodes, 0).readMoment()
      assert.ok(earlier <= time && time <= (await read()))
    }))

  test('say how their connections are and how well they hear of changes', () =>
    withNodes(1, async (nodes, url) => {
      await at(nodes, 0).beat(report('a'))
      const { connections, connectionsMax, waiting, feed } = at(nodes, 0).health()
      assert.ok(connections >= 1 && connections <= connectionsMax)
      assert.equal(waiting, 0)
      assert.equal(typeof feed?.isFresh, 'boolean')
      const [row] = (await readClusterOf(url))?.nodes ?? []
      assert.equal(row?.heardSequence, feed?.heardSequence)
    }))

  test('are looked at without changing anything where none has ever been', async () => {
    const url = await server.newStore()
    const error = await refusal(readClusterOf(url), 'storage.unavailable')
    assert.match(error.message, /no node .* was ever started on it/)
    const [row] = await server.run(
      `SELECT count(*)::integer AS tables FROM pg_tables WHERE schemaname = '${/search_path%3D(\w+)/.exec(url)?.[1]}'`,
    )
    assert.equal(row?.['tables'], 0)
    assert.equal(await readClusterOf('sqlite::memory:'), undefined)
  })
})
