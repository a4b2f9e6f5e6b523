import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { afterEach, describe, test } from 'node:test'
import { DEAD_NODE_KEPT_MS, NODE_STALE_AFTER_MS } from '../../server/src/storage/postgres/node-bounds.ts'
import {
  type PostgresServer,
  postgresIsMissing,
  startPostgres,
} from '../../server/src/storage/postgres/testing/postgres-server.ts'
import { askNative, createNativeAdmin } from '../native-client.ts'
import { type RunningServer, startServer } from '../running-server.ts'
import { ENVIRONMENT } from '../test-storage.ts'
import { until } from './cluster.ts'

const MAIN = new URL('../../server/src/main.ts', import.meta.url).pathname
const SHIFT_CLOCK = new URL('./shift-clock.mjs', import.meta.url).href
const GUIDE = readFileSync(new URL('../../docs/guides/cluster.md', import.meta.url), 'utf8')
const HOUR_MS = 3_600_000

describe('what operators see of several nodes', { skip: postgresIsMissing() }, () => {
  let postgres: PostgresServer | undefined
  const servers: RunningServer[] = []

  afterEach(async () => {
    for (const server of servers.splice(0)) {
      await server.stop('SIGKILL')
      server.discard()
    }
    await postgres?.stop()
    postgres = undefined
  })

  async function newStore(): Promise<string> {
    postgres = await startPostgres()
    return postgres.newStore()
  }

  type Options = { readonly skewMs?: number; readonly flags?: readonly string[] }

  async function startNode(
    url: string,
    name: string,
    { skewMs, flags = [] }: Options = {},
  ): Promise<RunningServer> {
    const server = await startServer({
      arguments: ['--storage', url, '--cluster.node-name', name, ...flags],
      environment:
        skewMs === undefined
          ? {}
          : { NODE_OPTIONS: `--import=${SHIFT_CLOCK}`, TEST_CLOCK_SKEW_MS: String(skewMs) },
    })
    servers.push(server)
    return server
  }

  const metricsOf = async (server: RunningServer): Promise<ReadonlyMap<string, number>> => {
    const text = await (await fetch(`${server.url}/metrics`)).text()
    const samples = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
    return new Map(
      samples.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]),
    )
  }

  const namesIn = async (url: string): Promise<string> => (await statusOf(url)).names

  test('nodes come and go, fall silent and drain: status, readiness and metrics tell', {
    timeout: 240_000,
  }, async () => {
    const url = await newStore()
    assert.deepEqual(pick(await statusOf(url)), { code: 1, complaint: 'never started' })
    const one = await startNode(url, 'one', { flags: ['--workers', '2'] })
    const two = await startNode(url, 'two', { flags: ['--server.drain-delay', '8s'] })
    await until(() => namesIn(url), 'one:ready two:ready')
    const { code, nodes } = await statusOf(url)
    assert.equal(code, 0)
    assert.deepEqual(
      nodes.map((node) => [node.threads, node.address]),
      [
        [2, one.url],
        [1, two.url],
      ],
    )
    assert.equal(new Set(nodes.map((node) => `${node.version} ${node.schemaVersion}`)).size, 1)

    await until(async () => (await metricsOf(one)).get('latchkey_cluster_nodes{state="alive"}'), 2)
    const metrics = await metricsOf(one)
    assert.ok(Math.abs(metrics.get('latchkey_clock_ahead_seconds') ?? 9) < 1)
    assert.equal(metrics.has('latchkey_heartbeat_age_seconds'), true)
    for (const thread of [0, 1]) {
      await until(async () => (await metricsOf(one)).get(`latchkey_feed_fresh{thread="${thread}"}`), 1)
      assert.equal((await metricsOf(one)).get(`latchkey_store_connections_max{thread="${thread}"}`), 8)
    }
    const told = [...(await metricsOf(one)).keys()]
    for (const [, name = ''] of GUIDE.matchAll(/^\| `(latchkey_\w+)/gm)) {
      assert.ok(
        told.some((series) => series.startsWith(name)),
        name,
      )
    }
    const ready = await askNative(one, 'GET', '/readyz')
    assert.equal(ready.body.node.cluster.alive, 2)
    assert.equal(typeof ready.body.node.store.feed.silentMs, 'number')

    const stopped = two.stop('SIGTERM')
    await until(async () => (await fetch(`${two.url}/readyz`)).status, 503)
    await until(() => namesIn(url), 'one:ready two:draining')
    assert.equal((await fetch(`${two.url}/livez`)).status, 200)
    assert.equal(await stopped, 0)
    assert.equal(await namesIn(url), 'one:ready')

    await one.stop('SIGKILL')
    await silence(url, 'one', NODE_STALE_AFTER_MS)
    assert.deepEqual(pick(await statusOf(url)), { code: 1, complaint: 'Not heard of lately: one.' })
    const three = await startNode(url, 'three')
    await until(async () => (await metricsOf(three)).get('latchkey_cluster_nodes{state="stale"}'), 1)
    await silence(url, 'one', DEAD_NODE_KEPT_MS)
    await until(() => namesIn(url), 'three:ready')
    assert.equal((await statusOf(url)).code, 0)
    await three.stop()
  })

  test('keys end by the time of the store on nodes whose clocks are an hour wrong, and these say so', {
    timeout: 240_000,
  }, async () => {
    const url = await newStore()
    const early = await startNode(url, 'early', { skewMs: -HOUR_MS, flags: ['--workers', '2'] })
    const late = await startNode(url, 'late', { skewMs: HOUR_MS })
    const admin = await createNativeAdmin(late)
    const statusAt = async (server: RunningServer, key: string) =>
      (await askNative(server, 'GET', '/v1/authorize', { token: key })).status
    // Each issues keys that the other judges: half an hour, which is shorter than either clock is wrong.
    for (const issuer of [early, late]) {
      const { status, body } = await askNative(issuer, 'POST', '/v1/keys', {
        token: admin,
        body: { ttl: 'PT30M' },
      })
      assert.equal(status, 201)
      for (const judge of [early, late]) assert.equal(await statusAt(judge, body.key), 200)
      const short = await askNative(issuer, 'POST', '/v1/keys', { token: admin, body: { ttl: 'PT1S' } })
      for (const judge of [early, late]) await until(() => statusAt(judge, short.body.key), 401)
    }
    for (const server of [early, late]) {
      assert.match(server.output(), /clock of this machine differs from the store's/)
    }
    await until(() => namesIn(url), 'early:ready late:ready')
    const [one, other] = (await statusOf(url)).nodes
    assert.ok(Math.abs((one?.clockAheadMs ?? 0) - HOUR_MS) < 60_000)
    assert.ok(Math.abs((other?.clockAheadMs ?? 0) + HOUR_MS) < 60_000)
  })

  /** As if it were so much longer since a node was heard of. */
  async function silence(url: string, name: string, ms: number): Promise<void> {
    const schema = /search_path%3D(\w+)/.exec(url)?.[1]
    await postgres?.run(
      `UPDATE ${schema}.cluster_nodes SET heartbeat_at = heartbeat_at - interval '${ms} ms' WHERE name = '${name}'`,
    )
  }
})

type StatusNode = {
  readonly name: string
  readonly version: string
  readonly schemaVersion: number
  readonly state: string
  readonly threads: number
  readonly address: string
  readonly isStale: boolean
  readonly clockAheadMs: number
}

type Status = {
  readonly code: number
  readonly complaint: string
  readonly nodes: readonly StatusNode[]
  /** `name:state` of each node, by name. */
  readonly names: string
}

/** What `latchkey cluster status` says. */
function statusOf(url: string): Promise<Status> {
  const args = [
    '--disable-warning=ExperimentalWarning',
    MAIN,
    'cluster',
    'status',
    '--json',
    '--storage',
    url,
  ]
  return new Promise((resolve) => {
    execFile(process.execPath, args, { env: ENVIRONMENT, timeout: 60_000 }, (error, stdout, stderr) => {
      const nodes: readonly StatusNode[] = stdout === '' ? [] : JSON.parse(stdout).nodes
      const names = nodes.map(({ name, state, isStale }) => `${name}:${isStale ? 'stale' : state}`).join(' ')
      resolve({ code: Number(error?.code ?? 0), complaint: stderr.trim(), nodes, names })
    })
  })
}

function pick({ code, complaint }: Status): { readonly code: number; readonly complaint: string } {
  return { code, complaint: /was ever started on it/.test(complaint) ? 'never started' : complaint }
}
