import assert from 'node:assert/strict'
import { afterEach, describe, type TestContext, test } from 'node:test'
import {
  postgresIsMissing,
  startPostgres,
} from '../../server/src/storage/postgres/testing/postgres-server.ts'
import { askNative } from '../native-client.ts'
import {
  type Cluster,
  type ClusterNode,
  type IssuedKey,
  issueOver,
  STALE_AFTER_MS,
  startCluster,
  statusOver,
  until,
} from './cluster.ts'

/** How long the store is stopped in the longest of the tests, in ms. */
const STOPPED_MS = 30_000

/** Beyond the bound, for what a loaded machine takes to run a request, in ms. */
const REQUEST_MAX_MS = 2_000

let cluster: Cluster | undefined
const others: (() => Promise<void>)[] = []

afterEach(async () => {
  await cluster?.close()
  cluster = undefined
  for (const close of others.splice(0)) await close()
})

async function start(options: Parameters<typeof startCluster>[0] = {}): Promise<Cluster> {
  cluster = await startCluster(options)
  return cluster
}

const revokeOver = async ({ server }: ClusterNode, token: string, { id }: IssuedKey): Promise<boolean> =>
  (await askNative(server, 'DELETE', `/v1/keys/${id}`, { token })).status === 204

/** Of any number of things, the one at a place. */
function at<T>(list: readonly T[], index: number): T {
  const found = list[index]
  if (found === undefined) throw new Error(`There is nothing at ${index}`)
  return found
}

/** What clients of a node were told was done, until the node does not answer any more. */
type Acknowledged = { readonly created: IssuedKey[]; readonly revoked: IssuedKey[] }

/** Creates keys and revokes every second one, several clients at once, until `isOver`; failures are nobody's promise. */
function churn(node: ClusterNode, token: string, isOver: () => boolean): { done: Promise<Acknowledged> } {
  const told: Acknowledged = { created: [], revoked: [] }
  const client = async (): Promise<void> => {
    for (let count = 0; !isOver(); count += 1) {
      try {
        const key = await issueOver(node, token)
        if (count % 2 === 0) told.created.push(key)
        else if (await revokeOver(node, token, key)) told.revoked.push(key)
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    }
  }
  return { done: Promise.all(Array.from({ length: 8 }, client)).then(() => told) }
}

/** Nothing that was acknowledged is lost, seen from a node. */
async function assertKept(node: ClusterNode, { created, revoked }: Acknowledged): Promise<void> {
  for (const { key, id } of created) assert.equal(await statusOver(node, key), 200, `${id} was created`)
  for (const { key, id } of revoked) assert.equal(await statusOver(node, key), 401, `${id} was revoked`)
}

function report(t: TestContext, text: string): void {
  t.diagnostic(text)
}

describe('several nodes on one PostgreSQL, when parts fail', { skip: postgresIsMissing() }, () => {
  test('a node that is killed while it writes loses nothing that it acknowledged', async (t) => {
    const { nodes, admin } = await start()
    let isOver = false
    const writing = churn(at(nodes, 0), admin, () => isOver)
    await until(async () => (await countKeys(at(nodes, 1), admin)) >= 40, true)
    await at(nodes, 0).server.stop('SIGKILL')
    isOver = true
    const told = await writing.done
    assert.ok(told.created.length > 10 && told.revoked.length > 10)
    for (const node of nodes.slice(1)) await assertKept(node, told)
    report(t, `${told.created.length} created and ${told.revoked.length} revoked before the kill, all kept`)
  })

  test('a store that is stopped for half a minute: refused after the bound, good again after it goes on', async (t) => {
    const { nodes, admin, postgres } = await start()
    const key = await issueOver(at(nodes, 0), admin)
    for (const node of nodes) assert.equal(await statusOver(node, key.key), 200)
    postgres.freeze()
    const stoppedAt = performance.now()
    await new Promise((resolve) => setTimeout(resolve, STALE_AFTER_MS + REQUEST_MAX_MS))
    for (const node of nodes) {
      const refused = await askNative(node.server, 'GET', '/v1/authorize', { token: key.key })
      assert.equal(refused.status, 503)
      assert.match(refused.headers.get('retry-after') ?? '', /^\d+$/)
      // It lives all the same: restarting it would help nobody.
      assert.equal((await askNative(node.server, 'GET', '/livez')).status, 200)
    }
    await new Promise((resolve) => setTimeout(resolve, STOPPED_MS - (performance.now() - stoppedAt)))
    postgres.thaw()
    const waits = await Promise.all(nodes.map((node) => until(() => statusOver(node, key.key), 200)))
    const next = await issueOver(at(nodes, 1), admin)
    assert.equal(await statusOver(at(nodes, 2), next.key), 200)
    report(t, `verified again ${waits.map((ms) => Math.round(ms)).join(', ')} ms after the store went on`)
  })

  test('a store that is restarted while clients write loses nothing, and all nodes find it again', async (t) => {
    const { nodes, admin, postgres } = await start()
    let isOver = false
    const writing = churn(at(nodes, 0), admin, () => isOver)
    await until(async () => (await countKeys(at(nodes, 1), admin)) >= 20, true)
    await postgres.restart()
    const key = await issueUntilItWorks(at(nodes, 1), admin)
    isOver = true
    const told = await writing.done
    const waits = await Promise.all(nodes.map((node) => until(() => statusOver(node, key.key), 200)))
    for (const node of nodes) await assertKept(node, told)
    report(t, `verified again within ${Math.round(Math.max(...waits))} ms; nothing acknowledged was lost`)
  })

  test('a listening connection that falls silent delays nobody beyond the bound', async (t) => {
    const { nodes, admin } = await start()
    const [writer, deaf] = [at(nodes, 0), at(nodes, 1)]
    deaf.wire.swallow('feed')
    const delays: number[] = []
    for (let count = 0; count < 20; count += 1) {
      const key = await issueOver(writer, admin)
      assert.equal(await until(() => statusOver(deaf, key.key), 200).then(() => 'seen'), 'seen')
      assert.ok(await revokeOver(writer, admin, key))
      delays.push(await until(() => statusOver(deaf, key.key), 401))
      assert.ok(at(delays, count) < STALE_AFTER_MS + REQUEST_MAX_MS)
    }
    delays.sort((one, other) => one - other)
    report(t, `revocations reached the deaf node in ${delays.map((ms) => Math.round(ms)).join(' ')} ms`)
  })

  test('a node that is cut off accepts nothing that was revoked elsewhere longer ago than the bound', async (t) => {
    const { nodes, admin } = await start()
    const [writer, lonely] = [at(nodes, 0), at(nodes, 2)]
    const [key, kept] = [await issueOver(writer, admin), await issueOver(writer, admin)]
    for (const { key: token } of [key, kept]) assert.equal(await statusOver(lonely, token), 200)
    for (const line of ['feed', 'others'] as const) lonely.wire.swallow(line)
    assert.ok(await revokeOver(writer, admin, key))
    const revokedAt = performance.now()
    let lastAccepted = 0
    while (performance.now() - revokedAt < 4 * STALE_AFTER_MS) {
      const askedAt = performance.now()
      const status = await statusOver(lonely, key.key, 1_000)
      if (status === 200) lastAccepted = askedAt - revokedAt
    }
    assert.ok(
      lastAccepted < STALE_AFTER_MS,
      `accepted ${lastAccepted} ms after the revocation was acknowledged`,
    )
    assert.equal(await statusOver(lonely, kept.key), 503)
    assert.notEqual((await askNative(lonely.server, 'GET', '/readyz')).status, 200)
    lonely.wire.refuse()
    assert.equal(await statusOver(lonely, kept.key), 503)
    lonely.wire.recover()
    const back = await until(() => statusOver(lonely, kept.key), 200)
    assert.equal(await statusOver(lonely, key.key), 401)
    report(
      t,
      `accepted for ${Math.round(lastAccepted)} ms after the revocation, then never; back in ${Math.round(back)} ms`,
    )
  })

  test('a node that may serve what is stale says how long, and ends then', async (t) => {
    const environment = {
      LATCHKEY_CLUSTER_WHEN_UNREACHABLE: 'serve-stale',
      LATCHKEY_CLUSTER_STALE_MAX_MS: '6000',
    }
    const { nodes, admin } = await start({ nodes: 2, environment })
    const [writer, lonely] = [at(nodes, 0), at(nodes, 1)]
    const [known, unknown] = [await issueOver(writer, admin), await issueOver(writer, admin)]
    assert.equal(await statusOver(lonely, known.key), 200)
    lonely.wire.refuse()
    const cutAt = performance.now()
    await new Promise((resolve) => setTimeout(resolve, 2 * STALE_AFTER_MS))
    assert.equal(await statusOver(lonely, known.key), 200)
    assert.equal(await statusOver(lonely, unknown.key), 503)
    await until(() => statusOver(lonely, known.key), 503, 6_000 + 5 * REQUEST_MAX_MS)
    const servedMs = performance.now() - cutAt
    assert.ok(servedMs > 4_000)
    lonely.wire.recover()
    await until(() => statusOver(lonely, unknown.key), 200)
    report(
      t,
      `served for ${Math.round(servedMs)} ms without a store; 6,000 ms after its last news is the limit`,
    )
  })

  test('a standby that is promoted: no acknowledged change is lost, and all nodes find it', async (t) => {
    const primary = await startPostgres()
    others.push(() => primary.stop())
    const standby = await primary.startStandby()
    others.unshift(() => standby.stop())
    const { nodes, admin } = await start({ postgres: primary, otherPorts: [standby.port] })
    let isOver = false
    const writing = churn(at(nodes, 0), admin, () => isOver)
    await until(async () => (await countKeys(at(nodes, 1), admin)) >= 20, true)
    await primary.kill()
    const killedAt = performance.now()
    await standby.promote()
    const key = await issueUntilItWorks(at(nodes, 1), admin)
    const writtenMs = performance.now() - killedAt
    isOver = true
    const told = await writing.done
    await Promise.all(nodes.map((node) => until(() => statusOver(node, key.key), 200)))
    for (const node of nodes) await assertKept(node, told)
    report(
      t,
      `written again ${Math.round(writtenMs)} ms after the primary died; ` +
        `${told.created.length} created and ${told.revoked.length} revoked are all kept`,
    )
  })

  test('a node whose clock is an hour wrong expires keys when the others do', async (t) => {
    const { nodes, admin, addNode } = await start({ nodes: 1 })
    const preload = new URL('./shift-clock.mjs', import.meta.url).href
    const skewed = await Promise.all(
      [3_600_000, -3_600_000].map((skew) =>
        addNode({ environment: { NODE_OPTIONS: `--import=${preload}`, TEST_CLOCK_SKEW_MS: String(skew) } }),
      ),
    )
    const long = await issueOver(at(nodes, 0), admin, { ttl: 'PT30M' })
    const brief = await issueOver(at(nodes, 0), admin, { ttl: 'PT10S' })
    const issuedAt = performance.now()
    for (const node of skewed) {
      assert.equal(await statusOver(node, long.key), 200, 'a key of half an hour')
      assert.equal(await statusOver(node, brief.key), 200, 'a key of ten seconds')
    }
    const ends = await Promise.all(
      [...skewed, at(nodes, 0)].map(async (node) => {
        await until(() => statusOver(node, brief.key), 401)
        return performance.now() - issuedAt
      }),
    )
    for (const ms of ends) assert.ok(ms > 8_000 && ms < 10_000 + 2 * REQUEST_MAX_MS, `ended after ${ms} ms`)
    report(
      t,
      `a key of 10 s ended after ${ends.map((ms) => Math.round(ms)).join(', ')} ms on clocks +1 h, -1 h, right`,
    )
  })
})

async function countKeys({ server }: ClusterNode, token: string): Promise<number> {
  const { body } = await askNative(server, 'GET', '/v1/keys?limit=100', { token })
  return body?.keys?.length ?? 0
}

async function issueUntilItWorks(node: ClusterNode, token: string): Promise<IssuedKey> {
  let key: IssuedKey | undefined
  await until(async () => {
    key = await issueOver(node, token).catch(() => undefined)
    return key !== undefined
  }, true)
  if (key === undefined) throw new Error('No key was issued')
  return key
}
