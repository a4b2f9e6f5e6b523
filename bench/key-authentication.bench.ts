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

type Contender = {
  readonly name: string
  readonly server: BenchServer
  readonly token: string
  readonly slices: Slice[]
}

/**
 * Key-authenticated `GET /_me` with 1, 1,000 and 1,000,000 stored keys, beside a bare `node:http` server that answers
 * the same bytes: all of them run at once and take turns, so that a noisy machine disturbs them alike.
 */
export async function runBenchmark(): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'latchkey-bench-'))
  const contenders: Contender[] = []
  const fills: {
    readonly count: number
    readonly filled: Filled
    readonly server: BenchServer
    readonly idleMiB: number
  }[] = []
  try {
    for (const count of KEY_COUNTS) {
      const file = join(directory, `${count}.db`)
      const filled = await fillStore(file, count)
      const server = await startBenchServer(
        MAIN,
        ['--port', '0', '--storage', `sqlite:${file}`, '--data-dir', directory],
        {
          LATCHKEY_LOG_LEVEL: 'warn',
        },
      )
      fills.push({ count, filled, server, idleMiB: residentMiB(server.pid) })
      contenders.push({
        name: `latchkey, ${count.toLocaleString('en')} keys`,
        server,
        token: filled.token,
        slices: [],
      })
    }
    contenders.unshift(await bareContender(contenders[0]))
    for (const contender of contenders) await slice(contender, WARM_UP_SECONDS)
    for (let round = 0; round < SLICES; round++)
      for (const contender of contenders) contender.slices.push(await slice(contender, SLICE_SECONDS))
    return report(contenders, fills)
  } finally {
    for (const contender of contenders) await contender.server.stop()
    rmSync(directory, { recursive: true, force: true })
  }
}

async function bareContender(like: Contender | undefined): Promise<Contender> {
  if (like === undefined) throw new Error('there is no server to be like')
  const answer = await fetch(`${like.server.url}/_me`, { headers: { authorization: `Bearer ${like.token}` } })
  const body = await answer.text()
  const headers = Object.fromEntries(
    [...answer.headers].filter(
      ([name]) => !['content-length', 'date', 'connection', 'keep-alive'].includes(name),
    ),
  )
  const server = await startBenchServer(BARE, [JSON.stringify(headers), body])
  return { name: 'bare node:http, same bytes', server, token: like.token, slices: [] }
}

const slice = (contender: Contender, seconds: number): Promise<Slice> =>
  loadSlice(
    contender.server,
    { path: '/_me', headers: { authorization: `Bearer ${contender.token}` } },
    { connections: CONNECTIONS, seconds },
  )

function report(
  contenders: readonly Contender[],
  fills: readonly {
    readonly count: number
    readonly filled: Filled
    readonly server: BenchServer
    readonly idleMiB: number
  }[],
): string {
  const rate = (contender: Contender) => median(contender.slices.map((s) => s.requestsPerSecond))
  const [bare] = contenders
  const bareRate = bare === undefined ? Number.NaN : rate(bare)
  const rows = contenders.map((contender) => {
    const rates = contender.slices.map((s) => s.requestsPerSecond)
    return `| ${contender.name} | ${rate(contender).toFixed(0)} | ${Math.min(...rates).toFixed(0)}-${Math.max(...rates).toFixed(0)} | ${(
      rate(contender) / bareRate
    ).toFixed(
      2,
    )} | ${median(contender.slices.map((s) => s.p50Ms)).toFixed(0)} | ${median(contender.slices.map((s) => s.p99Ms)).toFixed(0)} | ${median(
      contender.slices.map((s) => s.cpuMicros),
    ).toFixed(0)} |`
  })
  const ours = contenders.slice(1).map(rate)
  const spread = (Math.max(...ours) / Math.min(...ours) - 1) * 100
  const cpu = contenders.slice(1).map((c) => median(c.slices.map((s) => s.cpuMicros)))
  const cpuSpread = (Math.max(...cpu) / Math.min(...cpu) - 1) * 100
  const storeRows = fills.map(
    ({ count, filled, server, idleMiB }) =>
      `| ${count.toLocaleString('en')} | ${filled.insertsPerSecond.toFixed(0)} | ${filled.fileMiB.toFixed(1)} | ${server.startMs.toFixed(0)} | ${idleMiB.toFixed(0)} | ${residentMiB(server.pid).toFixed(0)} |`,
  )
  return [
    '# Key-authenticated requests',
    '',
    `\`npm run bench -- key-authentication\`: ${describeMachine()}.`,
    '',
    `\`GET /_me\` with an API key, ${CONNECTIONS} keep-alive connections, servers on core 0, load on the other core; medians of`,
    `${SLICES} interleaved slices of ${SLICE_SECONDS} s each.`,
    '',
    '| Server | requests/s | min-max | ratio to bare | p50 ms | p99 ms | server CPU µs/request |',
    '|---|---|---|---|---|---|---|',
    ...rows,
    '',
    `From the slowest to the fastest key count: ${spread.toFixed(1)} % in requests/s, ${cpuSpread.toFixed(1)} % in CPU time.`,
    '',
    '| keys stored | durable inserts/s while filling | file MiB | start-up ms | idle MiB | MiB after load |',
    '|---|---|---|---|---|---|',
    ...storeRows,
    '',
    'Start-up is from spawning the process to its listening line. Each create is durable (`synchronous=FULL`) before it is',
    'acknowledged; creates that arrive together share a commit.',
    '',
  ].join('\n')
}
