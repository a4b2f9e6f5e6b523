import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { postgresIsMissing } from '../../server/src/storage/postgres/testing/postgres-server.ts'
import { askNative } from '../native-client.ts'
import { type Cluster, type ClusterNode, issueOver, startCluster, until } from './cluster.ts'

const CLIENTS = 64
const CREDITS = 1_000
const KEYS_OF_OWNER_MAX = 50

describe('three nodes on one PostgreSQL', { skip: postgresIsMissing() }, () => {
  let cluster: Cluster
  before(async () => {
    cluster = await startCluster({
      environment: { LATCHKEY_SECURITY_API_KEY_PER_USER_MAX: String(KEYS_OF_OWNER_MAX) },
    })
  })
  after(() => cluster.close())

  const nodeOf = (client: number): ClusterNode => {
    const node = cluster.nodes[client % cluster.nodes.length]
    if (node === undefined) throw new Error('There is no node')
    return node
  }

  const statusOf = async (client: number, token: string): Promise<number> =>
    (await askNative(nodeOf(client).server, 'GET', '/v1/authorize', { token })).status

  /** How often a key is let in until every client was refused. */
  async function useUp(token: string): Promise<number> {
    const uses = await Promise.all(
      Array.from({ length: CLIENTS }, async (_, client) => {
        for (let used = 0; ; used += 1) {
          const status = await statusOf(client, token)
          if (status === 429) return used
          assert.equal(status, 200)
        }
      }),
    )
    return uses.reduce((sum, used) => sum + used, 0)
  }

  test(`${CLIENTS} clients of all nodes spend exactly the ${CREDITS} credits of a key`, async () => {
    for (let round = 0; round < 3; round += 1) {
      const { key } = await issueOver(nodeOf(round), cluster.admin, { credits: { initial: CREDITS } })
      assert.equal(await useUp(key), CREDITS)
    }
  })

  test('what is given to a budget afterwards can be spent over every node, and no more', async () => {
    const { key, id } = await issueOver(nodeOf(0), cluster.admin, { credits: { initial: CREDITS } })
    assert.equal(await useUp(key), CREDITS)
    const { status, text } = await askNative(nodeOf(1).server, 'POST', `/v1/keys/${id}/credits`, {
      token: cluster.admin,
      body: { operation: 'increment', amount: 10 },
    })
    assert.equal(status, 200, text)
    await until(() => statusOf(2, key), 200)
    assert.equal(await useUp(key), 9)
  })

  test('a rate limit admits its burst over all nodes, what flows back meanwhile, and nothing more', async (t) => {
    const [limit, windowMs] = [300, 3_600_000]
    const { key } = await issueOver(nodeOf(0), cluster.admin, {
      limits: [{ name: 'hour', limit, window: windowMs }],
    })
    const startedAt = performance.now()
    const admitted = await useUp(key)
    const elapsedMs = performance.now() - startedAt
    const most = limit + Math.ceil(((elapsedMs + 1_000) * limit) / windowMs)
    // Each node may hold back one chunk that it reserved: a twentieth of the limit.
    const least = limit - (cluster.nodes.length * limit) / 20
    assert.ok(admitted >= least && admitted <= most, `${admitted}, not ${least} to ${most}`)
    t.diagnostic(`${admitted} of ${limit} admitted in ${Math.round(elapsedMs)} ms`)
  })

  test(`an owner gets exactly the ${KEYS_OF_OWNER_MAX} keys that one may have`, async () => {
    const owner = await askNative(nodeOf(0).server, 'PUT', '/v1/owners/full', {
      token: cluster.admin,
      body: { roles: ['default'] },
    })
    assert.ok(owner.status < 300, owner.text)
    const statuses = await Promise.all(
      Array.from(
        { length: 2 * KEYS_OF_OWNER_MAX },
        async (_, client) =>
          (
            await askNative(nodeOf(client).server, 'POST', '/v1/keys', {
              token: cluster.admin,
              body: { owner: 'full' },
            })
          ).status,
      ),
    )
    assert.equal(statuses.filter((status) => status === 201).length, KEYS_OF_OWNER_MAX)
  })

  test('of keys of one id that are created on all nodes at once, one is', async () => {
    for (let round = 0; round < 20; round += 1) {
      const answers = await Promise.all(
        cluster.nodes.map(({ server }) =>
          askNative(server, 'POST', `/users/admin/api-keys/_create?_id=raced-${round}`, {
            token: cluster.admin,
            body: { description: 'raced for' },
          }),
        ),
      )
      assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 400, 400])
      const winner = answers.find(({ status }) => status === 200)
      const token = winner?.body.result._source.token
      for (const client of cluster.nodes.keys()) await until(() => statusOf(client, token), 200)
    }
  })
})
