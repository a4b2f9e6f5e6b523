import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import type { Fingerprint } from '../../../../core/keys/fingerprint.ts'
import { openHttpListener } from '../../../../transports/http/http-listener.ts'
import type { HttpLimits, HttpListener } from '../../../../transports/http/http-listener-options.ts'
import { createKnoxApi } from '../../knox-api.ts'
import { KnoxRefusal } from '../../knox-request.ts'
import type { Authenticated } from '../../principal.ts'
import type { Provider } from '../../topology.ts'
import { createProxyService, type ProxyFailure } from '../proxy-service.ts'
import { createRunningStreams } from '../running-streams.ts'

/** A gateway whose topology `sandbox` passes `/gateway/sandbox/openai` on, for whoever shows the token `good`. */
export type Gateway = {
  readonly port: number
  readonly url: string
  readonly listener: HttpListener
  readonly failures: readonly ProxyFailure[]
  endKey(fingerprint: string): void
}

/** Opens a gateway until the test ends. */
export async function openGateway(
  t: TestContext,
  urls: readonly string[],
  {
    params = {},
    providers = [],
    caller = { name: 'alice', groups: ['red', 'blue'] },
    limits = {},
    readCertificates = () => assert.fail('no file is read'),
  }: {
    readonly params?: Readonly<Record<string, string>>
    readonly providers?: readonly Provider[]
    readonly caller?: Authenticated
    readonly limits?: Partial<HttpLimits>
    readonly readCertificates?: (path: string) => string
  } = {},
): Promise<Gateway> {
  const failures: ProxyFailure[] = []
  let end: (fingerprint: Fingerprint) => void = () => {}
  const running = createRunningStreams(
    (listener) => {
      end = listener
    },
    () => undefined,
  )
  const api = createKnoxApi({
    gatewayPath: 'gateway',
    addressOf: ({ address }) => address,
    clientNameOf: () => undefined,
    bodyBytesMax: 1_000,
    encodingsMax: 1,
    createAuthenticator:
      () =>
      ({ http, query }) => {
        const { authorization = `Bearer ${query.get('knoxtoken')}` } = http.headers
        if (authorization !== 'Bearer good') throw new KnoxRefusal(401)
        return Promise.resolve(caller)
      },
    createService: (service, topology) =>
      createProxyService(service, topology, {
        baseUrlOf: ({ headers }) => `http://${String(headers['host'])}`,
        readCertificates,
        running,
        onFailure: (failure) => failures.push(failure),
      }),
    administrators: { users: [], groups: [] },
    timing: { now: () => 0, wait: () => Promise.resolve() },
    onError: (error) => assert.fail(String(error)),
  })
  const problems = api.offer(
    new Map([
      [
        'sandbox',
        {
          name: 'sandbox',
          file: 'sandbox.xml',
          providers: [
            ...(providers.some(({ role }) => role === 'federation')
              ? []
              : [{ role: 'authentication', name: 'ShiroProvider', params: new Map() } as const]),
            { role: 'identity-assertion', name: 'Default', params: new Map() } as const,
            ...providers,
          ],
          services: [{ role: 'OPENAI', urls, params: new Map(Object.entries(params)) }],
        },
      ],
    ]),
  )
  assert.deepEqual([...problems.values()], [])
  const listener = await openHttpListener({
    host: '127.0.0.1',
    port: 0,
    handler: api.handler,
    overloaded: api.overloaded,
    takesUpgrades: (path) => path.startsWith('/gateway/'),
    onError: (error) => assert.fail(String(error)),
    limits: { drainTimeoutMs: 100, ...limits },
  })
  t.after(() => listener.close())
  const { port } = listener
  return {
    port,
    url: `http://127.0.0.1:${port}/gateway/sandbox/openai`,
    listener,
    failures,
    endKey: (fingerprint) => end(fingerprint as Fingerprint),
  }
}

/** A server behind the gateway. */
export type Upstream = {
  readonly url: string
  readonly port: number
  readonly server: Server
  /** Connections that were accepted so far. */
  connections(): number
}

/** Opens an upstream until the test ends. */
export async function openUpstream(
  t: TestContext,
  answer: (incoming: IncomingMessage, response: ServerResponse) => void,
): Promise<Upstream> {
  const server = createServer(answer)
  let connections = 0
  server.on('connection', () => {
    connections += 1
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, port, server, connections: () => connections }
}

/** A port on which nobody listens. */
export async function closedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** Who may pass. */
export const GOOD = { authorization: 'Bearer good' }

/** An answer whose body is still to come. */
export type Begun = {
  readonly response: IncomingMessage
  /** What came of the body until it contains this, as text. */
  until(wanted: string): Promise<string>
  /** All of the body, or why there is no more. */
  rest(): Promise<string>
}

/** Sends a request on a connection of its own, and waits for the head of its answer. `send` writes the body. */
export async function begin(
  url: string,
  options: {
    readonly method?: string
    readonly headers?: Readonly<Record<string, string>>
    readonly send?: (outgoing: ReturnType<typeof request>) => void
  } = {},
): Promise<Begun> {
  const { method = 'GET', headers = {}, send = (outgoing) => outgoing.end() } = options
  const outgoing = request(url, { method, headers: { ...GOOD, ...headers }, agent: false })
  const answered = once(outgoing, 'response')
  outgoing.on('error', () => {})
  send(outgoing)
  const [response] = (await answered) as [IncomingMessage]
  return begunOf(response)
}

function begunOf(response: IncomingMessage): Begun {
  let text = ''
  let error: Error | undefined
  const listeners = new Set<() => void>()
  const tell = (): void => {
    for (const listener of listeners) listener()
  }
  response.setEncoding('utf8')
  response.on('data', (chunk: string) => {
    text += chunk
    tell()
  })
  response.on('end', tell)
  response.on('error', (failure) => {
    error = failure
    tell()
  })
  const when = (isSo: () => boolean): Promise<string> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        if (error === undefined && !isSo()) return
        listeners.delete(look)
        if (error === undefined) resolve(text)
        else reject(error)
      }
      listeners.add(look)
      look()
    })
  return {
    response,
    until: (wanted) => when(() => text.includes(wanted)),
    rest: () => when(() => response.readableEnded),
  }
}
