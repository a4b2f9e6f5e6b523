import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Filled, fillStore } from './fill-store.ts'
import { loadSlice, type Slice } from './load.ts'
import { describeMachine, median } from './machine.ts'
import { type BenchServer, residentMiB, startBenchServer } from './servers.ts'

const KEY_COUNTS = [1, 1_000, 1_000_000]
const CONNECTIONS = 64
const SLICES = 7
const SLICE_SECONDS = 4
const WARM_UP_SECONDS = 2
const MAIN = new URL('../server/src/main.ts', import.meta.url).pathname
const BARE = new URL('./bare-server.ts', import.meta.url).pathname

/** One server with its key, and what the slices of load on it gave. */
type Contender = {
  readonly name: string
  readonly server: BenchServer
  readonly token: string
  readonly uses: Slice[]
}

/** A contender of ours, with its store. */
type Ours = Contender & { readonly filled: Filled; readonly idleMiB: number; readonly creates: Slice[] }

/**
 * Key-authenticated `GET /_me` with 1, 1,000 and 1,000,000 stored keys, beside a bare `node:http` server that answers
 * the same bytes: all of them run at once and take turns, so that a noisy machine disturbs them alike. Then creates.
 */
export async function runBenchmark(): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'latchkey-bench-'))
  const ours: Ours[] = []
  let bare: Contender | undefined
  try {
    for (const count of KEY_COUNTS) ours.push(await startOurs(directory, count))
    bare = await startBare(ours[0])
    const contenders = [bare, ...ours]
    for (const contender of contenders) await useKey(contender, WARM_UP_SECONDS)
    for (let round = 0; round < SLICES; round++)
      for (const contender of contenders) contender.uses.push(await useKey(contender, SLICE_SECONDS))
    for (let round = 0; round < SLICES; round++)
      for (const one of ours) one.creates.push(await createKeys(one, SLICE_SECONDS))
    return report(bare, ours)
  } finally {
    for (const { server } of [...ours, ...(bare === undefined ? [] : [bare])]) await server.stop()
    rmSync(directory, { recursive: true, force: true })
  }
}

async function startOurs(directory: string, count: number): Promise<Ours> {
  const file = join(directory, `${count}.db`)
  const filled = await fillStore(file, count)
  const server = await startBenchServer(
    MAIN,
    ['--port', '0', '--storage', `sqlite:${file}`, '--data-dir', directory],
    { LATCHKEY_LOG_LEVEL: 'warn' },
  )
  const name = `latchkey, ${count.toLocaleString('en')} ${count === 1 ? 'key' : 'keys'}`
  return {
    name,
    server,
    token: filled.token,
    uses: [],
    creates: [],
    filled,
    idleMiB: residentMiB(server.pid),
  }
}

/** Headers that node:http writes by itself. */
const OWN_HEADERS: ReadonlySet<string> = new Set(['content-length', 'date', 'connection', 'keep-alive'])

async function startBare(like: Ours | undefined): Promise<Contender> {
  if (like === undefined) throw new Error('there is no server to be like')
  const answer = await fetch(`${like.server.url}/_me`, { headers: bearer(like.token) })
  const headers = Object.fromEntries([...answer.headers].filter(([name]) => !OWN_HEADERS.has(name)))
  const server = await startBenchServer(BARE, [JSON.stringify(headers), await answer.text()])
  return { name: 'bare node:http, same bytes', server, token: like.token, uses: [] }
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

function useKey({ server, token }: Contender, seconds: number): Promise<Slice> {
  return loadSlice(server, { path: '/_me', headers: bearer(token) }, { connections: CONNECTIONS, seconds })
}

function createKeys({ server, filled }: Ours, seconds: number): Promise<Slice> {
  const request = {
    path: '/users/melis/api-keys/_create',
    method: 'POST',
    headers: { ...bearer(filled.session), 'content-type': 'application/json' },
    body: '{"description":"device in the field"}',
  } as const
  return loadSlice(server, request, { connections: CONNECTIONS, seconds })
}

const mid = (slices: readonly Slice[], of: keyof Slice): number => median(slices.map((slice) => slice[of]))

/** By how many per cent the largest exceeds the smallest. */
const spread = (values: readonly number[]): string =>
  ((Math.max(...values) / Math.min(...values) - 1) * 100).toFixed(1)

function sliceCells(slices: readonly Slice[]): string {
  const rates = slices.map((slice) => slice.requestsPerSecond)
  const range = `${Math.min(...rates).toFixed(0)}-${Math.max(...rates).toFixed(0)}`
  const cells = [mid(slices, 'p50Ms'), mid(slices, 'p99Ms'), mid(slices, 'cpuMicros')]
  return `${median(rates).toFixed(0)} | ${range} | ${cells.map((cell) => cell.toFixed(0)).join(' | ')}`
}

function report(bare: Contender, ours: readonly Ours[]): string {
  const bareRate = mid(bare.uses, 'requestsPerSecond')
  const uses = [bare, ...ours].map(
    (one) =>
      `| ${one.name} | ${(mid(one.uses, 'requestsPerSecond') / bareRate).toFixed(2)} | ${sliceCells(one.uses)} |`,
  )
  const stores = ours.map(({ name, filled, server, idleMiB }) => {
    const inserts = Number.isNaN(filled.insertsPerSecond) ? '' : filled.insertsPerSecond.toFixed(0)
    const sizes = [filled.fileMiB, server.startMs, idleMiB, residentMiB(server.pid)]
    return `| ${name} | ${inserts} | ${sizes.map((size) => size.toFixed(0)).join(' | ')} |`
  })
  return `# Key-authenticated requests

\`npm run bench -- key-authentication\`: ${describeMachine()}.

${CONNECTIONS} keep-alive connections, servers on one core, load on the other; medians of ${SLICES} interleaved slices of
${SLICE_SECONDS} s each. The load generator counts latencies in whole milliseconds.

## \`GET /_me\` with an API key

| Server | ratio to bare | requests/s | min-max | p50 ms | p99 ms | server CPU µs/request |
|---|---|---|---|---|---|---|
${uses.join('\n')}

From the slowest to the fastest number of keys: ${spread(ours.map((one) => mid(one.uses, 'requestsPerSecond')))} % in requests/s, ${spread(
    ours.map((one) => mid(one.uses, 'cpuMicros')),
  )} % in CPU time.

## Creating keys over HTTP

Each create is durable (\`synchronous=FULL\`) before it is acknowledged; creates that arrive together share a commit.

| Server | creates/s | min-max | p50 ms | p99 ms | server CPU µs/create |
|---|---|---|---|---|---|
${ours.map((one) => `| ${one.name} | ${sliceCells(one.creates)} |`).join('\n')}

## Store, start-up and memory

Inserts go through the storage driver, 1,000 under way, with their audit events. Start-up is from spawning the process
to its listening line.

| Server | durable inserts/s | file MiB | start-up ms | idle MiB | MiB after the load |
|---|---|---|---|---|---|
${stores.join('\n')}
`
}
