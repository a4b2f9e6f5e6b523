import { lstat, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import type { KeyAuthority } from '../core/key-authority.ts'
import type { Clock } from '../core/ports/clock.ts'
import type { Settings } from '../settings/settings.ts'
import type { HttpHandler, HttpReply } from '../transports/http/http-message.ts'
import type { LanePlace } from '../transports/lane/lane-listener-options.ts'
import { httpReplyOf } from '../transports/lane/lane-over-http.ts'
import { openLaneBeforeHttp } from '../transports/lane/open-lane-before-http.ts'
import { DRAIN_MAX_MS } from './drain.ts'
import { createHotRoutes, type HotRoutes } from './hot-routes.ts'
import type { Log } from './log.ts'
import type { Observation } from './observation.ts'
import { cannotListen, StartError } from './start-error.ts'

/**
 * Opens the listener of `verify.listen`, if there shall be one: verifications and forward-auth, and nothing else.
 *
 * @throws {StartError} when it cannot be opened, or settings contradict each other.
 */
export async function openVerifyListener(
  settings: Settings,
  opened: { readonly authority: KeyAuthority; readonly clock: Clock },
  observation: Pick<Observation, 'handler' | 'route'>,
  log: Log,
): Promise<{ close(): Promise<void> }> {
  const where = settings['verify.listen']
  const isOpen = settings['verify.openWithoutAuthentication']
  if (where === undefined) {
    if (!isOpen) return { close: async () => {} }
    throw wrong('verify.openWithoutAuthentication: it is about verify.listen, which is not set')
  }
  const place = placeOf(where)
  if ('path' in place) await removeDeadSocket(place.path)
  const hot = createHotRoutes(settings, opened, {
    callers: isOpen ? 'everybody' : 'with the right',
    // A peer has no address there, and is on this host: the mode of the socket decides who may be one.
    believes: 'path' in place ? 'everybody' : 'trusted proxies',
  })
  try {
    const listener = await openLaneBeforeHttp({
      lane: { place, ...hot.lane, routes: hot.lane.routes.map(observation.route) },
      http: {
        handler: observation.handler(onlyHot(hot)),
        overloaded: () => httpReplyOf(hot.lane.overloaded),
        onError: (error, requestId) => log.error({ err: error, requestId }, 'An HTTP request failed'),
        limits: { drainTimeoutMs: DRAIN_MAX_MS },
      },
    })
    const at = 'path' in place ? where : `${listener.address}:${listener.port}`
    log.info({ at, authentication: !isOpen }, 'Verifications are answered here as well')
    return listener
  } catch (error) {
    if ('path' in place)
      throw new StartError(`Cannot listen on ${where}: ${reasonOf(error)}`, { cause: error })
    throw cannotListen({ host: place.host, port: place.port, flag: '--verify.listen HOST:PORT' }, error)
  }
}

/** @throws {StartError} */
function placeOf(where: string): LanePlace {
  if (where.startsWith('unix:') && where.length > 'unix:'.length) return { path: where.slice('unix:'.length) }
  const [, host, bracketed, port] = /^(?:([^:[\]]+)|\[([\da-fA-F:.]+)\]):(\d{1,5})$/.exec(where) ?? []
  const name = host ?? bracketed
  if (name !== undefined && Number(port) <= 65_535) return { host: name, port: Number(port), shared: false }
  throw wrong(`verify.listen: "${where}" is neither HOST:PORT nor unix:PATH`)
}

/** A Unix socket stays behind when a process is killed, and then nobody can listen there; one that is in use is kept. */
async function removeDeadSocket(path: string): Promise<void> {
  const state = await lstat(path).catch(() => undefined)
  if (state?.isSocket() === true && !(await isAlive(path))) await rm(path, { force: true })
}

function isAlive(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path, () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', (error) => resolve(!('code' in error && error.code === 'ECONNREFUSED')))
  })
}

/** Services do not send an `Origin`; websites do, and have no business here. */
const WEBSITE: HttpReply = {
  status: 403,
  headers: { 'Content-Type': 'text/plain' },
  body: 'Not for websites\n',
}

const NOT_FOUND: HttpReply = { status: 404, headers: { 'Content-Type': 'text/plain' }, body: 'Not found\n' }

function onlyHot({ verification, forwardAuth }: HotRoutes): HttpHandler {
  return (request) => {
    const { path, headers } = request
    // Proxies pass the headers of websites on.
    if (path === '/v1/authorize' || path.startsWith('/v1/authorize/')) return forwardAuth.handler(request)
    if (headers['origin'] !== undefined) return WEBSITE
    if (path === '/v1/verify') return verification.verify(request)
    return path === '/v1/verify/batch' ? verification.batch(request) : NOT_FOUND
  }
}

function wrong(problem: string): StartError {
  return new StartError(`Cannot start with these settings:\n  ${problem}`)
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
