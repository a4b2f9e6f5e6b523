import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { postgresIsMissing } from '../../server/src/storage/postgres/testing/postgres-server.ts'
import { askNative } from '../native-client.ts'
import { type Cluster, issueOver, startCluster } from './cluster.ts'

const ROUNDS = 300
const AT_ONCE = 6

describe('a node of several threads on PostgreSQL', { skip: postgresIsMissing() }, () => {
  let cluster: Cluster
  before(async () => {
    cluster = await startCluster({ nodes: 1, environment: { LATCHKEY_WORKERS: '2' } })
  })
  after(() => cluster.close())

  test(`accepts no key after it acknowledged its revocation, ${ROUNDS} times`, async () => {
    const [node] = cluster.nodes
    if (node === undefined) throw new Error('There is no node')
    const token = cluster.admin
    const accepted = async (key: string): Promise<number> => {
      const verify = () => askNative(node.server, 'POST', '/v1/verify', { token, body: { key } })
      const answers = await Promise.all(Array.from({ length: AT_ONCE }, verify))
      for (const { status, text } of answers) assert.equal(status, 200, text)
      return answers.filter(({ body }) => body.valid).length
    }
    for (let round = 0; round < ROUNDS; round += 1) {
      const { key, id } = await issueOver(node, token)
      assert.equal(await accepted(key), AT_ONCE)
      const { status } = await askNative(node.server, 'POST', `/v1/keys/${id}/revoke`, { token, body: {} })
      assert.equal(status, 200)
      assert.equal(await accepted(key), 0, `round ${round}`)
    }
  })
})
