import autocannon from 'autocannon'
import { type BenchServer, cpuSeconds } from './servers.ts'

/** What one slice of load on one server gave. */
export type Slice = {
  readonly requestsPerSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** CPU microseconds of the server for each request: the steadier figure on a shared machine. */
  readonly cpuMicros: number
}

/**
 * One request repeated over keep-alive connections for some seconds.
 *
 * @throws {Error} when an answer has another status than 200, or a connection fails.
 */
export async function loadSlice(
  server: BenchServer,
  request: {
    readonly path: string
    readonly method?: 'GET' | 'POST'
    readonly headers?: Record<string, string>
    readonly body?: string
  },
  options: { readonly connections: number; readonly seconds: number },
): Promise<Slice> {
  const cpuBefore = cpuSeconds(server.pid)
  const result = await autocannon({
    url: server.url + request.path,
    method: request.method ?? 'GET',
    ...(request.headers === undefined ? {} : { headers: request.headers }),
    ...(request.body === undefined ? {} : { body: request.body }),
    connections: options.connections,
    duration: options.seconds,
  })
  if (result.non2xx > 0 || result.errors > 0)
    throw new Error(`${request.path}: ${result.non2xx} answers were not 200, ${result.errors} failed`)
  return {
    requestsPerSecond: result.requests.total / result.duration,
    p50Ms: result.latency.p50,
    p99Ms: result.latency.p99,
    cpuMicros: ((cpuSeconds(server.pid) - cpuBefore) / result.requests.total) * 1e6,
  }
}
