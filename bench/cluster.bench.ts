import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startCluster } from '../compat/cluster/cluster.ts'
import { watchChanges } from '../compat/cluster/watch-changes.ts'
import { type PostgresServer, startPostgres } from '../server/src/storage/postgres/testing/postgres-server.ts'
import { describeMachine, median, percentile } from './machine.ts'
import { type BenchServer, residentMiB, startBenchServer } from './servers.ts'
import { type FineSlice, fineSlice } from './verification-slice.ts'
import { fillWithKeys, USED_KEYS } from './verification-store.ts'

const CONNECTIONS = 64
const SLICES = 7
const SLICE_SECONDS = 1
const WARM_UP_SECONDS = 2

/** Keys in the small stores; all of them fit into memory. */
const FEW_KEYS = USED_KEYS
const MANY_KEYS = 1_000_000
/** Keys that a node keeps in memory where nearly every look-up is to miss. */
const SMALL_MEMORY = 1_000
const CHANGES = 1_000
const NODES = 3

const GOALS = { cached: 0.95, visibleMs: 50, startMs: 2_000 }

const MAIN = new URL('../server/src/main.ts', import.meta.url).pathname
const HOST = 'Host: 127.0.0.1:7512\r\n'
const PASSWORD = 'a password for benchmarks'

/** A server of a store that is as durable as PostgreSQL is when nobody changes its configuration. */
const DURABLE = { fsync: 'on', full_page_writes: 'on', shared_buffers: '256MB' }

/** A server, the requests that it gets, and what slices of load gave. */
type Contender = {
  readonly name: string
  readonly server: BenchServer
  readonly requestsFile: string
  readonly slices: FineSlice[]
}

/**
 * What PostgreSQL costs beside SQLite: verifications from memory and past it, creations; then how soon nodes obey each
 * other, and a node on a store with many keys.
 */
export async function runBenchmark(): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'latchkey-bench-'))
  const postgres = await startPostgres(DURABLE)
  try {
    const contenders = await compare(directory, postgres)
    process.stderr.write(`  ${CHANGES} changes over ${NODES} nodes\n`)
    const delays = await visibility(postgres)
    process.stderr.write(`  a store of ${MANY_KEYS} keys\n`)
    const large = await largeStore(directory, postgres)
    const [server] = await postgres.run('SHOW server_version')
    const version = String(server?.['server_version']).split(' ')[0] ?? ''
    return report({ version, contenders, delays, large })
  } finally {
    await postgres.stop()
    rmSync(directory, { recursive: true, force: true })
  }
}

async function compare(directory: string, postgres: PostgresServer): Promise<readonly Contender[]> {
  const stores = { SQLite: `sqlite:${join(directory, 'few.db')}`, PostgreSQL: await postgres.newStore() }
  const servers: BenchServer[] = []
  const contenders: Contender[] = []
  const start = async (url: string, environment = {}): Promise<BenchServer> => {
    const server = await startNode(url, directory, environment)
    servers.push(server)
    return server
  }
  try {
    for (const [store, url] of Object.entries(stores)) {
      const { tokens, caller } = await fillWithKeys(url, FEW_KEYS, directory)
      const warm = await start(url)
      const session = await logIn(warm.url)
      const verify = tokens.map((key) => post('/v1/verify', caller, JSON.stringify({ key })))
      const authorize = tokens.map((token) => get('/v1/authorize', token))
      const issue = [post('/v1/keys', session, '{"owner":"melis"}')]
      const add = (what: string, server: BenchServer, requests: readonly string[]): void => {
        const requestsFile = join(directory, `requests-${contenders.length}.json`)
        writeFileSync(requestsFile, JSON.stringify(requests))
        contenders.push({ name: `${what}, ${store}`, server, requestsFile, slices: [] })
      }
      add('verify, from memory', warm, verify)
      add('authorize, from memory', warm, authorize)
      const cold = await start(url, { LATCHKEY_VERIFY_KEYS_IN_MEMORY_MAX: String(SMALL_MEMORY) })
      add('verify, past memory', cold, verify)
      add('create a key', warm, issue)
    }
    for (const contender of contenders) await slice(contender, WARM_UP_SECONDS)
    for (let round = 0; round < SLICES; round += 1) {
      for (const contender of contenders) contender.slices.push(await slice(contender, SLICE_SECONDS))
    }
    return contenders
  } finally {
    for (const server of servers) await server.stop()
  }
}

function startNode(url: string, directory: string, environment = {}): Promise<BenchServer> {
  return startBenchServer(MAIN, ['--port', '0', '--storage', url, '--data-dir', directory], {
    LATCHKEY_LOG_LEVEL: 'warn',
    ...environment,
  })
}

function slice({ server, requestsFile }: Contender, seconds: number): Promise<FineSlice> {
  return fineSlice(server, requestsFile, { connections: CONNECTIONS, seconds })
}

const get = (path: string, token: string): string =>
  `GET ${path} HTTP/1.1\r\n${HOST}Authorization: Bearer ${token}\r\n\r\n`
const post = (path: string, token: string, body: string): string =>
  `POST ${path} HTTP/1.1\r\n${HOST}Authorization: Bearer ${token}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`

async function logIn(url: string): Promise<string> {
  const answer = await fetch(`${url}/v1/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ username: 'admin', password: PASSWORD }),
  })
  return JSON.parse(await answer.text()).token
}

async function visibility(postgres: PostgresServer): Promise<readonly number[]> {
  const cluster = await startCluster({ postgres, nodes: NODES })
  try {
    return await watchChanges(cluster, CHANGES)
  } finally {
    await cluster.close()
  }
}

type Large = {
  /** Of the table and its indexes. */
  readonly bytesPerKey: number
  readonly startMs: readonly number[]
  readonly idleMiB: number
  readonly usedMiB: number
  readonly smallMiB: number
  readonly slice: FineSlice
}

/** A node on a store with many keys: how soon it listens, and what it takes to verify some of them. */
async function largeStore(directory: string, postgres: PostgresServer): Promise<Large> {
  const url = await postgres.newStore()
  const { tokens, caller } = await fillWithKeys(url, FEW_KEYS, directory)
  const schema = /search_path%3D(\w+)/.exec(url)?.[1] ?? ''
  await multiplyKeys(postgres, schema)
  const [size] = await postgres.run(`SELECT pg_total_relation_size('${schema}.keys') AS bytes`)
  const requestsFile = join(directory, 'requests-large.json')
  writeFileSync(
    requestsFile,
    JSON.stringify(tokens.map((key) => post('/v1/verify', caller, JSON.stringify({ key })))),
  )
  const startMs: number[] = []
  for (let count = 0; count < 5; count += 1) {
    const server = await startNode(url, directory)
    startMs.push(server.startMs)
    await server.stop()
  }
  const load = { connections: CONNECTIONS, seconds: 5 }
  const small = await startNode(url, directory, { LATCHKEY_VERIFY_KEYS_IN_MEMORY_MAX: String(SMALL_MEMORY) })
  await fineSlice(small, requestsFile, load)
  const smallMiB = residentMiB(small.pid)
  await small.stop()
  const server = await startNode(url, directory)
  try {
    const idleMiB = residentMiB(server.pid)
    const measured = await fineSlice(server, requestsFile, load)
    const bytesPerKey = Number(size?.['bytes']) / MANY_KEYS
    return { bytesPerKey, startMs, idleMiB, usedMiB: residentMiB(server.pid), smallMiB, slice: measured }
  } finally {
    await server.stop()
  }
}

/** Copies one key, under other names and secrets that nobody has, until there are `MANY_KEYS`. */
async function multiplyKeys(postgres: PostgresServer, schema: string): Promise<void> {
  const columns = await postgres.run(
    `SELECT attname AS name FROM pg_attribute WHERE attrelid = '${schema}.keys'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum`,
  )
  const replaced: Readonly<Record<string, string>> = {
    uid: 'gen_random_uuid()',
    seq: 'one.seq + n',
    fingerprint: "sha256(convert_to('nobody' || n, 'UTF8'))",
    id: "'copy-' || n",
  }
  const names = columns.map(({ name }) => String(name))
  const values = names.map((name) => replaced[name] ?? `one.${name}`)
  await postgres.run(`INSERT INTO ${schema}.keys (${names.join(', ')})
    SELECT ${values.join(', ')} FROM generate_series(1, ${MANY_KEYS - FEW_KEYS}) AS n,
      (SELECT * FROM ${schema}.keys WHERE owner = 'melis' ORDER BY seq DESC LIMIT 1) AS one`)
  await postgres.run(`UPDATE ${schema}.owner_stats SET key_count = ${MANY_KEYS},
    last_seq = (SELECT max(seq) FROM ${schema}.keys) WHERE owner = 'melis'`)
  await postgres.run(`ANALYZE ${schema}.keys`)
}

type Results = {
  /** Of PostgreSQL. */
  readonly version: string
  readonly contenders: readonly Contender[]
  readonly delays: readonly number[]
  readonly large: Large
}

function report({ version, contenders, delays, large }: Results): string {
  const [onSqlite, onPostgres] = ['SQLite', 'PostgreSQL'].map((store) =>
    contenders.filter(({ name }) => name.endsWith(`, ${store}`)),
  )
  /** Of each round by itself: a machine that was busy in one disturbed both alike. */
  const besideSqlite = (index: number): number =>
    median(
      (onPostgres?.[index]?.slices ?? []).map((one, round) => {
        const other = onSqlite?.[index]?.slices[round]
        return other === undefined ? Number.NaN : one.requestsPerSecond / other.requestsPerSecond
      }),
    )
  const rows = contenders.map((contender) => {
    const { name, slices } = contender
    const rates = slices.map(({ requestsPerSecond }) => requestsPerSecond)
    const index = onPostgres?.indexOf(contender) ?? -1
    const cells = [
      index === -1 ? '1' : besideSqlite(index).toFixed(2),
      median(rates).toFixed(0),
      `${Math.min(...rates).toFixed(0)}-${Math.max(...rates).toFixed(0)}`,
      median(slices.map(({ p50Micros }) => p50Micros)).toFixed(0),
      median(slices.map(({ p99Micros }) => p99Micros)).toFixed(0),
      median(slices.map(({ cpuMicros }) => cpuMicros)).toFixed(1),
    ]
    return `| ${name} | ${cells.join(' | ')} |`
  })
  const said = (isReached: boolean): string => (isReached ? 'reached' : 'missed')
  const cached = [0, 1].map(besideSqlite)
  const [p50, p99, max] = [50, 99, 100].map((percent) => percentile(delays, percent))
  const start = median(large.startMs)
  return `# Nodes on PostgreSQL

\`npm run bench -- cluster\`: ${describeMachine()}.

${FEW_KEYS.toLocaleString('en')} keys of one owner on each store, which the load uses in turn; ${CONNECTIONS} keep-alive connections; each server on one
core, load and PostgreSQL (${version}, fsync on) beside it; medians of ${SLICES} interleaved slices of ${SLICE_SECONDS} s each, what is beside SQLite being
the median of the rounds. "Past memory": a node that keeps ${SMALL_MEMORY.toLocaleString('en')} keys, so that nearly every look-up misses. A created key is
durable before it is answered.

| What | beside SQLite | requests/s | min-max | p50 µs | p99 µs | server CPU µs/request |
|---|---|---|---|---|---|---|
${rows.join('\n')}

From memory, PostgreSQL reaches ${cached.map((share) => `${(share * 100).toFixed(0)} %`).join(' (verify) and ')} (authorize) of SQLite; the goal is ${GOALS.cached * 100} %: ${said(cached.every((share) => share >= GOALS.cached))}.

## How soon nodes obey each other

${CHANGES.toLocaleString('en')} changes (revocation, disabling, scopes) over ${NODES} nodes that verify all the time; from the acknowledgement of the change to the last
time that a node accepted the key, ${delays.length.toLocaleString('en')} times: p50 ${p50?.toFixed(1)} ms, p99 ${p99?.toFixed(1)} ms, at most ${max?.toFixed(1)} ms; the goal for p99 is
${GOALS.visibleMs} ms: ${said((p99 ?? Number.POSITIVE_INFINITY) <= GOALS.visibleMs)}. Everything ran on this machine's cores at once.

## A store of ${MANY_KEYS.toLocaleString('en')} keys

From the start of the process to "listening": ${start.toFixed(0)} ms (median of ${large.startMs.length}: ${large.startMs.map((ms) => ms.toFixed(0)).join(', ')}); the goal is ${GOALS.startMs} ms: ${said(start < GOALS.startMs)}. Resident memory then
${large.idleMiB.toFixed(0)} MiB; after 5 s of verifications of ${FEW_KEYS.toLocaleString('en')} of the keys at ${large.slice.requestsPerSecond.toFixed(0)}/s (p99 ${(large.slice.p99Micros / 1000).toFixed(1)} ms) ${large.usedMiB.toFixed(0)} MiB, and ${large.smallMiB.toFixed(0)} MiB where
only ${SMALL_MEMORY.toLocaleString('en')} keys may be in memory. The table of keys and its indexes take ${large.bytesPerKey.toFixed(0)} bytes a key.
`
}
