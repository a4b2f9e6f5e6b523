import {
  type PostgresServer,
  startPostgres,
} from '../../server/src/storage/postgres/testing/postgres-server.ts'
import { startProxy, type TestProxy } from '../../server/src/storage/postgres/testing/proxy.ts'
import { askNative, createNativeAdmin } from '../native-client.ts'
import { type RunningServer, startServer } from '../running-server.ts'

/** A node, and its wire to the store. */
export type ClusterNode = { readonly server: RunningServer; readonly wire: TestProxy }

/** Several nodes on one PostgreSQL, each a process of its own with a wire that can be cut. */
export type Cluster = {
  readonly postgres: PostgresServer
  readonly nodes: readonly ClusterNode[]
  /** Session token of the administrator. */
  readonly admin: string
  /** Starts one more node. */
  addNode(options?: NodeOptions): Promise<ClusterNode>
  close(): Promise<void>
}

/** What a node is started with besides its store. */
export type NodeOptions = { readonly environment?: Readonly<Record<string, string>> }

/** How long a node may answer from its memory without news of the store, in ms; short, so that tests are. */
export const STALE_AFTER_MS = 1_000

/**
 * Starts a PostgreSQL and nodes on it, and creates the administrator.
 *
 * `postgres`: one that runs already, which `close` then leaves alone; `otherPorts`: of further servers that nodes shall try.
 */
export async function startCluster({
  nodes: count = 3,
  environment = {},
  postgres: given,
  otherPorts = [],
}: {
  readonly nodes?: number
  readonly environment?: Readonly<Record<string, string>>
  readonly postgres?: PostgresServer
  readonly otherPorts?: readonly number[]
} = {}): Promise<Cluster> {
  const postgres = given ?? (await startPostgres())
  const store = await postgres.newStore()
  const nodes: ClusterNode[] = []

  async function addNode(options: NodeOptions = {}): Promise<ClusterNode> {
    const wire = await startProxy(postgres.port)
    const hosts = [wire.port, ...otherPorts].map((port) => `127.0.0.1:${port}`).join(',')
    const url = store.replace(`127.0.0.1:${postgres.port}`, hosts)
    const server = await startServer({
      arguments: ['--storage', url],
      environment: {
        LATCHKEY_CLUSTER_STALE_AFTER_MS: String(STALE_AFTER_MS),
        ...environment,
        ...options.environment,
      },
    })
    const node = { server, wire }
    nodes.push(node)
    return node
  }

  async function close(): Promise<void> {
    for (const { wire } of nodes) wire.recover()
    await Promise.all(nodes.map(({ server }) => server.stop('SIGKILL')))
    for (const { server, wire } of nodes) {
      server.discard()
      await wire.stop()
    }
    if (given === undefined) await postgres.stop()
  }

  try {
    const started = await Promise.allSettled(Array.from({ length: count }, () => addNode()))
    for (const start of started) if (start.status === 'rejected') throw start.reason
    const [first] = nodes
    if (first === undefined) throw new Error('A cluster needs a node')
    return { postgres, nodes, admin: await createNativeAdmin(first.server), addNode, close }
  } catch (error) {
    await close()
    throw error
  }
}

/** A key that was issued: its id, and the secret that its holder shows. */
export type IssuedKey = { readonly id: string; readonly key: string }

/** Issues a key over a node. */
export async function issueOver(
  { server }: ClusterNode,
  token: string,
  body: Readonly<Record<string, unknown>> = {},
): Promise<IssuedKey> {
  const answer = await askNative(server, 'POST', '/v1/keys', { token, body })
  if (answer.status !== 201) throw new Error(`Cannot issue a key: ${answer.status} ${answer.text}`)
  return answer.body
}

/** What a node says of a key at forward-auth: 200, 401, 503 ...; 0 when it says nothing in time. */
export async function statusOver(
  { server }: ClusterNode,
  key: string,
  answerMaxMs = 15_000,
): Promise<number> {
  try {
    const signal = AbortSignal.timeout(answerMaxMs)
    return (await askNative(server, 'GET', '/v1/authorize', { token: key, signal })).status
  } catch {
    return 0
  }
}

/** Asks until the answer is the wanted one; answers how many ms that took. @throws {Error} after `timeoutMs`. */
export async function until(
  ask: () => Promise<unknown>,
  wanted: unknown,
  timeoutMs = 60_000,
): Promise<number> {
  const start = performance.now()
  for (;;) {
    const answer = await ask()
    if (answer === wanted) return performance.now() - start
    if (performance.now() - start > timeoutMs)
      throw new Error(`Still ${String(answer)}, not ${String(wanted)}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
