import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describeMachine, median } from './machine.ts'
import { type BenchServer, startBenchServer } from './servers.ts'
import { type FineSlice, fineSlice } from './verification-slice.ts'
import { keyStoreFile } from './verification-store.ts'

const KEYS = 1_000
const CONNECTIONS = 64
const SLICES = 11
const SLICE_SECONDS = 1
const WARM_UP_SECONDS = 1
/** Verifications of Knox's keys must come at least so often as those of native ones. */
const GOAL = 0.8

const MAIN = new URL('../server/src/main.ts', import.meta.url).pathname
const HOST = 'Host: 127.0.0.1:7512\r\n'

const PROXY = `<topology><gateway><provider><role>federation</role><name>HeaderPreAuth</name></provider></gateway>
<service><role>APIKEY</role>
<param><name>apikey.knox.token.limit.per.user</name><value>-1</value></param></service></topology>`
const CHECK = `<topology><gateway><provider><role>federation</role><name>JWTProvider</name></provider></gateway>
<service><role>KNOX-AUTH-SERVICE</role></service></topology>`
const ISSUE_PATH = '/gateway/proxy/apikey/api/v1/auth/key'

/** Requests of one kind, and what the slices of load gave. */
type Contender = { readonly name: string; readonly requestsFile: string; readonly slices: FineSlice[] }

/**
 * What Knox's language costs beside Latchkey's own: keys that are issued, and keys of both forms that are verified. All
 * of it on one server and one store, in turns.
 */
export async function runBenchmark(): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'latchkey-bench-'))
  let server: BenchServer | undefined
  try {
    const topologies = join(directory, 'topologies')
    mkdirSync(topologies)
    writeFileSync(join(topologies, 'proxy.xml'), PROXY)
    writeFileSync(join(topologies, 'check.xml'), CHECK)
    const { file, tokens: native, caller } = await keyStoreFile(directory, KEYS)
    const place = ['--port', '0', '--storage', `sqlite:${file}`, '--data-dir', directory]
    server = await startBenchServer(MAIN, [...place, '--knox-topologies', topologies], {
      LATCHKEY_LOG_LEVEL: 'warn',
    })
    const { url } = server
    const knox = await Promise.all(Array.from({ length: KEYS }, () => issueKnoxKey(url)))
    const session = await logIn(url)
    const verify = (key: string) => post('/v1/verify', bearer(caller), JSON.stringify({ key }))
    const contenders = Object.entries({
      'verify a native key, /v1/verify': native.map(verify),
      'verify a Knox key, /v1/verify': knox.map(verify),
      'authorize a native key, /v1/authorize': native.map((token) => get('/v1/authorize', bearer(token))),
      'authorize a Knox key, /v1/authorize': knox.map((token) => get('/v1/authorize', bearer(token))),
      'authorize a Knox key, KNOX-AUTH-SERVICE pre': knox.map((token) =>
        get('/gateway/check/auth/api/v1/pre', bearer(token)),
      ),
      'issue a native key, /v1/keys': [post('/v1/keys', bearer(session), '{"owner":"melis"}')],
      'issue a Knox key, APIKEY': [post(ISSUE_PATH, 'SM_USER: melis\r\n', '')],
    }).map(([name, requests], index): Contender => {
      const requestsFile = join(directory, `requests-${index}.json`)
      writeFileSync(requestsFile, JSON.stringify(requests))
      return { name, requestsFile, slices: [] }
    })
    for (const { requestsFile } of contenders) await slice(server, requestsFile, WARM_UP_SECONDS)
    for (let round = 0; round < SLICES; round++) {
      for (const { requestsFile, slices } of contenders) {
        slices.push(await slice(server, requestsFile, SLICE_SECONDS))
      }
    }
    return report(contenders)
  } finally {
    await server?.stop()
    rmSync(directory, { recursive: true, force: true })
  }
}

function slice(server: BenchServer, requestsFile: string, seconds: number): Promise<FineSlice> {
  return fineSlice(server, requestsFile, { connections: CONNECTIONS, seconds })
}

const bearer = (token: string): string => `Authorization: Bearer ${token}\r\n`
const get = (path: string, headers: string): string => `GET ${path} HTTP/1.1\r\n${HOST}${headers}\r\n`
const post = (path: string, headers: string, body: string): string =>
  `POST ${path} HTTP/1.1\r\n${HOST}${headers}Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`

async function issueKnoxKey(url: string): Promise<string> {
  const answer = await fetch(url + ISSUE_PATH, { method: 'POST', headers: { SM_USER: 'melis' } })
  return JSON.parse(await answer.text()).api_key
}

async function logIn(url: string): Promise<string> {
  const answer = await fetch(`${url}/v1/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ username: 'admin', password: 'a password for benchmarks' }),
  })
  return JSON.parse(await answer.text()).token
}

function report(contenders: readonly Contender[]): string {
  const nativeOf = (name: string): Contender | undefined => {
    const [verb = ''] = name.split(' ')
    return contenders.find((each) => each.name.startsWith(`${verb} a native`))
  }
  /** Of each round by itself: a machine that was busy in one disturbed both alike. */
  const besideNative = ({ name, slices }: Contender, of: (slice: FineSlice) => number): number => {
    const native = nativeOf(name)?.slices ?? []
    return median(
      slices.map((one, round) => {
        const other = native[round]
        return other === undefined ? Number.NaN : of(one) / of(other)
      }),
    )
  }
  const rows = contenders.map((contender) => {
    const { name, slices } = contender
    const rates = slices.map(rate)
    const cells = [
      besideNative(contender, rate).toFixed(2),
      median(rates).toFixed(0),
      `${Math.min(...rates).toFixed(0)}-${Math.max(...rates).toFixed(0)}`,
      median(slices.map(({ p50Micros }) => p50Micros)).toFixed(0),
      median(slices.map(({ p99Micros }) => p99Micros)).toFixed(0),
      median(slices.map(cpu)).toFixed(1),
    ]
    return `| ${name} | ${cells.join(' | ')} |`
  })
  const verified = contenders.find(({ name }) => name.startsWith('verify a Knox'))
  const share = verified === undefined ? Number.NaN : besideNative(verified, rate)
  const cpuShare = verified === undefined ? Number.NaN : besideNative(verified, cpu)
  return `# Keys in Knox's language

\`npm run bench -- knox\`: ${describeMachine()}.

One server and one store with ${KEYS.toLocaleString('en')} native keys and ${KEYS.toLocaleString('en')} of Knox's form, which the load uses in turn, and what the issues
add; ${CONNECTIONS} keep-alive connections; server on one core, load on the other; medians of ${SLICES} interleaved slices of
${SLICE_SECONDS} s each, what is beside native being the median of the rounds. Native keys are issued by a session, Knox's by a name
in a trusted header; both are durable before they are answered.

| What | beside native | requests/s | min-max | p50 µs | p99 µs | server CPU µs/request |
|---|---|---|---|---|---|---|
${rows.join('\n')}

Knox's keys are verified ${(share * 100).toFixed(0)} % as often as native ones, at ${(cpuShare * 100).toFixed(0)} % of their CPU time; the goal is ${GOAL * 100} % as
often: ${share >= GOAL ? 'reached' : 'missed'}.
`
}

function rate({ requestsPerSecond }: FineSlice): number {
  return requestsPerSecond
}

function cpu({ cpuMicros }: FineSlice): number {
  return cpuMicros
}
