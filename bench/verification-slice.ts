import { execFile } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { promisify } from 'node:util'
import { type BenchServer, cpuSeconds } from './servers.ts'

const LOAD = new URL('./verification-load.ts', import.meta.url).pathname

/** What one slice of load gave; latencies and CPU time in microseconds. */
export type FineSlice = {
  readonly requestsPerSecond: number
  readonly p50Micros: number
  readonly p99Micros: number
  /** Of the server, user and system, for each request. */
  readonly cpuMicros: number
}

/**
 * Has a server answer the requests of a file for some seconds, with the load on another core.
 *
 * @throws {Error} when an answer is no success, or a connection fails.
 */
export async function fineSlice(
  server: BenchServer,
  requestsFile: string,
  options: { readonly connections: number; readonly seconds: number },
): Promise<FineSlice> {
  const node = [
    process.execPath,
    '--disable-warning=ExperimentalWarning',
    LOAD,
    new URL(server.url).port,
    requestsFile,
    String(options.connections),
    String(options.seconds),
  ]
  const [program = '', ...rest] = availableParallelism() > 1 ? ['taskset', '-c', '1', ...node] : node
  const cpuBefore = cpuSeconds(server.pid)
  const { stdout } = await promisify(execFile)(program, rest)
  const cpu = cpuSeconds(server.pid) - cpuBefore
  const { requests, seconds, p50Micros, p99Micros } = JSON.parse(stdout)
  return { requestsPerSecond: requests / seconds, p50Micros, p99Micros, cpuMicros: (cpu / requests) * 1e6 }
}
