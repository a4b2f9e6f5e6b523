import assert from 'node:assert/strict'
import { askNative } from '../native-client.ts'
import { type Cluster, type ClusterNode, type IssuedKey, issueOver } from './cluster.ts'

/** Pause between two questions to one node, in ms. */
const PROBE_EVERY_MS = 2

type Kind = {
  readonly name: string
  readonly make: (node: ClusterNode, token: string, key: IssuedKey) => Promise<{ readonly status: number }>
  readonly refused: number
}

const KINDS: readonly Kind[] = [
  {
    name: 'revocation',
    make: ({ server }, token, { id }) => askNative(server, 'DELETE', `/v1/keys/${id}`, { token }),
    refused: 401,
  },
  {
    name: 'disabling',
    make: ({ server }, token, { id }) => askNative(server, 'POST', `/v1/keys/${id}/disable`, { token }),
    refused: 401,
  },
  {
    name: 'change of scopes',
    make: ({ server }, token, { id }) =>
      askNative(server, 'PATCH', `/v1/keys/${id}`, { token, body: { scopes: ['other:thing'] } }),
    refused: 403,
  },
]

/**
 * Makes changes of keys, each on another node, while every node verifies another key all the time. Answers how long after
 * the acknowledgement of each change each node last accepted the key, in ms, in rising order: 0 where it never did.
 */
export async function watchChanges({ nodes, admin }: Cluster, changes: number): Promise<readonly number[]> {
  let isOver = false
  const load = Promise.all(nodes.map((node) => verifyUntil(node, admin, () => isOver)))
  const delays: number[] = []
  for (let count = 0; count < changes; count += 1) {
    const kind = KINDS[count % KINDS.length]
    const writer = nodes[count % nodes.length]
    if (kind === undefined || writer === undefined) throw new Error('There is no such change')
    delays.push(...(await watch(kind, { writer, nodes, admin })))
  }
  isOver = true
  await load
  return delays.sort((one, other) => one - other)
}

/** Makes a change of a new key; answers, for each node, how long after its acknowledgement the key was last accepted, in ms. */
async function watch(
  kind: Kind,
  { writer, nodes, admin }: { writer: ClusterNode; nodes: readonly ClusterNode[]; admin: string },
): Promise<readonly number[]> {
  const key = await issueOver(writer, admin, { scopes: ['some:thing'] })
  const probe = async ({ server }: ClusterNode): Promise<number> =>
    (await askNative(server, 'GET', '/v1/authorize?permissions=some:thing', { token: key.key })).status
  for (const node of nodes) assert.equal(await probe(node), 200)
  const { status } = await kind.make(writer, admin, key)
  assert.ok(status < 300, `${kind.name}: ${status}`)
  const acknowledgedAt = performance.now()
  return Promise.all(
    nodes.map(async (node) => {
      for (let lastAccepted = 0; ; ) {
        const askedAt = performance.now()
        const answer = await probe(node)
        if (answer === kind.refused) return lastAccepted
        assert.equal(answer, 200, kind.name)
        lastAccepted = askedAt - acknowledgedAt
        await new Promise((resolve) => setTimeout(resolve, PROBE_EVERY_MS))
      }
    }),
  )
}

/** A client that verifies a good key all the time; it is never refused. */
async function verifyUntil(node: ClusterNode, admin: string, isOver: () => boolean): Promise<void> {
  const { key } = await issueOver(node, admin)
  while (!isOver()) {
    assert.equal((await askNative(node.server, 'GET', '/v1/authorize', { token: key })).status, 200)
  }
}
