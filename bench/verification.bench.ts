import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describeMachine, median } from './machine.ts'
import { type BenchServer, startBenchServer } from './servers.ts'
import { type FineSlice, fineSlice } from './verification-slice.ts'
import { type KeyStoreFile, keyStoreFile, USED_KEYS } from './verification-store.ts'

const KEY_COUNTS = [1, 1_000, 1_000_000]
const CONNECTIONS = 64
const SLICES = 9
const SLICE_SECONDS = 2
const WARM_UP_SECONDS = 2
const BATCH = 100
/** Requests for different paths that a proxy asks about, also of one key: no two that follow each other are the same. */
const PATHS_MIN = 1_000
const PEER_KEYS = 1_000
const PEER_PACKAGES = ['better-auth', '@better-auth/core', '@better-auth/api-key'].map(
  (name) => `${name}@1.6.33`,
)

const MAIN = new URL('../server/src/main.ts', import.meta.url).pathname
const BARE = new URL('./bare-server.ts', import.meta.url).pathname
const LANE = new URL('./verification-lane.ts', import.meta.url).pathname
const PEER = new URL('./verification-peer.ts', import.meta.url).pathname
const IN_PROCESS = new URL('./verification-in-process.ts', import.meta.url).pathname

/** One server with the requests that it is to answer, and what the slices of load on it gave. */
type Contender = {
  readonly name: string
  readonly server: BenchServer
  readonly requestsFile: string
  /** Keys that one request has verified. */
  readonly keysPerRequest: number
  readonly slices: FineSlice[]
}

/** Checks in one process without HTTP, and what the slices of it gave. */
type InProcess = {
  readonly name: string
  readonly run: () => Promise<InProcessSlice>
  readonly slices: InProcessSlice[]
}
type InProcessSlice = { readonly perSecond: number; readonly cpuMicros: number }

/**
 * Verifications over HTTP and in process, with 1, 1,000 and 1,000,000 stored keys, beside servers that do nothing but
 * answer the same bytes, and better-auth: all of them run at once and take turns, so that a noisy machine disturbs them
 * alike.
 */
export async function runBenchmark(): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'latchkey-bench-'))
  const servers: BenchServer[] = []
  const start = async (script: string, args: readonly string[]): Promise<BenchServer> => {
    const server = await startBenchServer(script, args, { LATCHKEY_LOG_LEVEL: 'warn' })
    servers.push(server)
    return server
  }
  try {
    const contenders: Contender[] = []
    const inProcess: InProcess[] = []
    for (const count of KEY_COUNTS) {
      const store = await keyStoreFile(directory, count)
      contenders.push(...(await startOurs(start, directory, store, count)))
      inProcess.push(inProcessOf(directory, store, count))
    }
    // Next to each other, and so at nearly the same time: what is compared.
    contenders.sort((one, other) => KINDS.indexOf(kindOf(one)) - KINDS.indexOf(kindOf(other)))
    contenders.push(...(await startBare(start, contenders)), await startPeer(start, directory))
    for (const contender of contenders) await slice(contender, WARM_UP_SECONDS)
    for (let round = 0; round < SLICES; round++) {
      for (const contender of contenders) contender.slices.push(await slice(contender, SLICE_SECONDS))
      for (const each of inProcess) each.slices.push(await each.run())
    }
    return report(contenders, inProcess)
  } finally {
    for (const server of servers) await server.stop()
    rmSync(directory, { recursive: true, force: true })
  }
}

const KINDS: readonly string[] = ['verify', 'authorize', 'batch']

function kindOf({ name }: Pick<Contender, 'name'>): string {
  return name.split(',')[0] ?? name
}

function slice(contender: Contender, seconds: number): Promise<FineSlice> {
  return fineSlice(contender.server, contender.requestsFile, { connections: CONNECTIONS, seconds })
}

type Start = (script: string, args: readonly string[]) => Promise<BenchServer>

/** What the load sends, as it is sent. */
const HOST = 'Host: 127.0.0.1:7512\r\n'
const authorizeRequest = (token: string, path: number): string =>
  `GET /v1/authorize HTTP/1.1\r\n${HOST}Authorization: Bearer ${token}\r\nX-Forwarded-Uri: /orders/${path}\r\n\r\n`
const postRequest = (path: string, caller: string, body: string): string =>
  `POST ${path} HTTP/1.1\r\n${HOST}Authorization: Bearer ${caller}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`

async function startOurs(
  start: Start,
  directory: string,
  { file, tokens, caller }: KeyStoreFile,
  count: number,
): Promise<readonly Contender[]> {
  const server = await start(MAIN, ['--port', '0', '--storage', `sqlite:${file}`, '--data-dir', directory])
  const keys = `${count.toLocaleString('en')} ${count === 1 ? 'key' : 'keys'}`
  const batches = Array.from({ length: Math.ceil(tokens.length / BATCH) }, (_, n) =>
    Array.from({ length: BATCH }, (_, index) => tokens[(n * BATCH + index) % tokens.length]),
  )
  const requests = {
    verify: tokens.map((key) => postRequest('/v1/verify', caller, JSON.stringify({ key }))),
    authorize: Array.from({ length: Math.max(tokens.length, PATHS_MIN) }, (_, n) =>
      authorizeRequest(tokens[n % tokens.length] ?? '', n),
    ),
    batch: batches.map((all) => postRequest('/v1/verify/batch', caller, JSON.stringify({ keys: all }))),
  }
  return Object.entries(requests).map(([kind, texts]) => {
    const requestsFile = join(directory, `${count}-${kind}.json`)
    writeFileSync(requestsFile, JSON.stringify(texts))
    const keysPerRequest = kind === 'batch' ? BATCH : 1
    return { name: `${kind}, ${keys}`, server, requestsFile, keysPerRequest, slices: [] }
  })
}

/** Headers that a server writes by itself. */
const OWN_HEADERS: ReadonlySet<string> = new Set(['content-length', 'date', 'connection', 'keep-alive'])

/** For verifications and forward-auth of the first store a node:http server and a lane that always answer the same. */
async function startBare(start: Start, ours: readonly Contender[]): Promise<readonly Contender[]> {
  const bare: Contender[] = []
  for (const kind of ['verify', 'authorize']) {
    const like = ours.find(({ name }) => name.startsWith(kind))
    if (like === undefined) throw new Error(`there is no server to be like: ${kind}`)
    const { headers, body } = await firstAnswer(like)
    const common = { requestsFile: like.requestsFile, keysPerRequest: 1 }
    const http = await start(BARE, [JSON.stringify(headers), body])
    const fields = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
    const lane = await start(LANE, [fields.join(''), body])
    bare.push({ ...common, name: `${kind}, bare node:http`, server: http, slices: [] })
    bare.push({ ...common, name: `${kind}, bare lane`, server: lane, slices: [] })
  }
  return bare
}

async function firstAnswer({ server, requestsFile }: Contender) {
  const [request = '']: readonly string[] = JSON.parse(readFileSync(requestsFile, 'utf8'))
  const [head = '', body = ''] = request.split('\r\n\r\n')
  const [line = '', ...fields] = head.split('\r\n')
  const [method = '', path = ''] = line.split(' ')
  const names = fields.map((field): [string, string] => {
    const [name = '', value = ''] = field.split(': ')
    return [name, value]
  })
  const headers = Object.fromEntries(names.filter(([name]) => !/^(?:host|content-length)$/i.test(name)))
  const answer = await fetch(server.url + path, { method, headers, ...(body !== '' && { body }) })
  const kept = [...answer.headers].filter(([name]) => !OWN_HEADERS.has(name))
  return { headers: Object.fromEntries(kept), body: await answer.text() }
}

/** Its packages are fetched for the occasion: nothing of the product needs them. */
async function startPeer(start: Start, directory: string): Promise<Contender> {
  const folder = mkdtempSync(join(directory, 'peer-'))
  writeFileSync(join(folder, 'package.json'), '{"private":true,"type":"module"}')
  const options = ['--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error']
  await promisify(execFile)('npm', ['install', ...options, ...PEER_PACKAGES], { cwd: folder })
  const tokensFile = join(folder, 'tokens.json')
  const server = await start(PEER, [folder, String(PEER_KEYS), tokensFile])
  const tokens: readonly string[] = JSON.parse(readFileSync(tokensFile, 'utf8'))
  const requestsFile = join(folder, 'requests.json')
  const requests = tokens.map((key) => postRequest('/verify', 'nobody', JSON.stringify({ key })))
  writeFileSync(requestsFile, JSON.stringify(requests))
  const name = `verify, better-auth 1.6.33 on node:sqlite, ${PEER_KEYS.toLocaleString('en')} keys`
  return { name, server, requestsFile, keysPerRequest: 1, slices: [] }
}

function inProcessOf(directory: string, { file }: KeyStoreFile, count: number): InProcess {
  const args = ['-c', '0', process.execPath, '--disable-warning=ExperimentalWarning', IN_PROCESS]
  const tokensFile = join(directory, `${count}.json`)
  const run = async (): Promise<InProcessSlice> =>
    JSON.parse(
      (await promisify(execFile)('taskset', [...args, file, tokensFile, String(SLICE_SECONDS)])).stdout,
    )
  return {
    name: `in process, ${count.toLocaleString('en')} ${count === 1 ? 'key' : 'keys'}`,
    run,
    slices: [],
  }
}

const mid = <Name extends string>(slices: readonly Record<Name, number>[], of: Name): number =>
  median(slices.map((each) => each[of]))

function report(contenders: readonly Contender[], inProcess: readonly InProcess[]): string {
  const rateOf = (name: string): number => {
    const found = contenders.find((each) => each.name.startsWith(name))
    return found === undefined ? Number.NaN : mid(found.slices, 'requestsPerSecond')
  }
  const cpuOf = (name: string): number => {
    const found = contenders.find((each) => each.name.startsWith(name))
    return found === undefined ? Number.NaN : mid(found.slices, 'cpuMicros')
  }
  const rows = contenders.map(({ name, slices, keysPerRequest }) => {
    const bare = name.startsWith('authorize') ? 'authorize, bare node:http' : 'verify, bare node:http'
    const rates = slices.map((each) => each.requestsPerSecond)
    const rate = median(rates)
    const cpuPerKey = mid(slices, 'cpuMicros') / keysPerRequest
    const cells = [
      ((rate * keysPerRequest) / rateOf(bare)).toFixed(2),
      (cpuOf(bare) / cpuPerKey).toFixed(2),
      rate.toFixed(0),
      `${Math.min(...rates).toFixed(0)}-${Math.max(...rates).toFixed(0)}`,
      (rate * keysPerRequest).toFixed(0),
      mid(slices, 'p50Micros').toFixed(0),
      mid(slices, 'p99Micros').toFixed(0),
      mid(slices, 'cpuMicros').toFixed(1),
    ]
    return `| ${name} | ${cells.join(' | ')} |`
  })
  const processRows = inProcess.map(
    ({ name, slices }) =>
      `| ${name} | ${mid(slices, 'perSecond').toFixed(0)} | ${mid(slices, 'cpuMicros').toFixed(2)} |`,
  )
  const flatness = KINDS.flatMap((kind) => {
    const [least, ...more] = contenders.filter(({ name }) =>
      new RegExp(`^${kind}, [\\d,]+ keys?$`).test(name),
    )
    return more.map(({ name, slices }) => {
      /** Of each round by itself: a machine that was busy in one disturbed both alike. */
      const beside = (of: 'requestsPerSecond' | 'cpuMicros'): string =>
        median(slices.map((each, round) => each[of] / (least?.slices[round]?.[of] ?? Number.NaN))).toFixed(2)
      return `| ${name} | ${beside('requestsPerSecond')} | ${beside('cpuMicros')} |`
    })
  })
  const peer = rateOf('verify, 1,000 keys') / rateOf('verify, better-auth')
  return `# Verifications

\`npm run bench -- verification\`: ${describeMachine()}.

${CONNECTIONS} keep-alive connections, one request at a time on each; servers on one core, load on the other; medians of
${SLICES} interleaved slices of ${SLICE_SECONDS} s each. The load uses all keys in turn, of 1,000,000 keys ${USED_KEYS.toLocaleString('en')} that are spread evenly.
Forward-auth is told a path as proxies do, another one each time. Bare servers answer every request with the bytes of
the first one of ours. Verifications are asked for by a key that has the right \`keys:verify\`, which is checked every time.

| Server | keys/s to requests/s of bare node:http | the same by server CPU | requests/s | min-max | keys/s | p50 µs | p99 µs | server CPU µs/request |
|---|---|---|---|---|---|---|---|---|
${rows.join('\n')}

Verifications of 1,000 keys come ${peer.toFixed(0)} times as often as those of better-auth. On a machine that is shared, CPU time is the
steadier figure: what a server would answer if it had a core for itself.

Beside the same with 1 key, the median of the rounds. Within 10 % of the middle is 0.82 to 1.22.

| | requests/s | CPU time |
|---|---|---|
${flatness.join('\n')}

## In process

\`authority.verification.check\`, 64 in each turn of the event loop.

| | checks/s | CPU µs/check |
|---|---|---|
${processRows.join('\n')}
`
}
