import { cpus, freemem, totalmem } from 'node:os'
import { stringify as printYaml } from 'yaml'
import type { Action, Controller } from '../action.ts'
import { fail, KuzzleError } from '../kuzzle-errors.ts'
import { openApiDocument } from '../openapi.ts'
import { Outcome } from '../outcome.ts'
import type { KuzzleRequest } from '../request.ts'
import type { Health, ServerFacts } from '../server-facts.ts'
import { statisticsActions } from './server-statistics.ts'

/** Version of Kuzzle whose API this is; clients decide by it how to talk to the server. */
export const KUZZLE_API_VERSION = '2.56.0'

/** Kuzzle's `server` controller. `controllers` is asked for when the document of all actions is wanted. */
export function createServerController(controllers: () => Readonly<Record<string, Controller>>): Controller {
  return { ...serverActions, ...statisticsActions, openapi: openApiAction(controllers) }
}

const serverActions: Controller = {
  info: {
    routes: [
      { verb: 'GET', path: '/' },
      { verb: 'GET', path: '/_serverInfo', published: false },
    ],
    run: async (_request, { server }) => ({
      serverInfo: { kuzzle: kuzzleInfo(server), services: servicesOf(server) },
    }),
  },

  now: {
    routes: [{ verb: 'GET', path: '/_now' }],
    run: async (_request, { server }) => ({ now: server.clock.now() }),
  },

  adminExists: {
    routes: [{ verb: 'GET', path: '/_adminExists' }],
    run: async (_request, { authority }) => ({ exists: await authority.users.adminExists() }),
  },

  healthCheck: {
    routes: [{ verb: 'GET', path: '/_healthCheck' }],
    run: async (request, { server }) => healthResult(await server.health(), wantedServices(request)),
  },

  publicApi: {
    routes: [
      {
        verb: 'GET',
        path: '/_publicApi',
        deprecated: { message: 'Use this route instead: http://kuzzle:7512/_openapi', version: '2.5.0' },
      },
    ],
    run: async (_request, { server }) => server.publicApi,
  },

  capabilities: {
    routes: [{ verb: 'GET', path: '/_capabilities' }],
    run: async (_request, { server }) => ({
      limits: server.configuration['limits'] ?? {},
      plugins: {},
      routes: server.publicApi,
      services: servicesOf(server),
      version: KUZZLE_API_VERSION,
    }),
  },

  getConfig: {
    routes: [{ verb: 'GET', path: '/_getConfig' }],
    async run(_request, { server }) {
      const { security, ...configuration } = server.configuration
      return { ...EMPTY_SECTIONS, ...configuration, version: KUZZLE_API_VERSION }
    },
  },
}

/** Sections that clients expect of a configuration, whether or not there is anything in them. */
const EMPTY_SECTIONS = {
  realtime: {},
  dump: {},
  limits: {},
  plugins: {},
  repositories: {},
  server: {},
  services: {},
  stats: {},
  internal: {},
  validation: {},
} as const

function kuzzleInfo(server: ServerFacts) {
  return {
    api: { routes: server.publicApi },
    application: { name: 'latchkey', version: server.version },
    memoryUsed: process.memoryUsage.rss(),
    nodeVersion: process.version,
    plugins: {},
    system: { cpus: cpus(), memory: { free: freemem(), total: totalmem() } },
    uptime: `${Math.floor((server.clock.now() - server.startedAt) / 1000)}s`,
    version: KUZZLE_API_VERSION,
  }
}

/** What stands for each of Kuzzle's services. */
function servicesOf({ storageBackend, version }: ServerFacts) {
  return {
    internalCache: { backend: 'memory', version },
    internalStorage: { backend: storageBackend, version },
    memoryStorage: { backend: 'memory', version },
    publicStorage: { backend: storageBackend, version },
  }
}

const SERVICES = ['internalCache', 'memoryStorage', 'storageEngine'] as const

function wantedServices(request: KuzzleRequest): readonly (typeof SERVICES)[number][] {
  const names = request.list('services')?.map((name) => name.trim())
  return names === undefined ? SERVICES : SERVICES.filter((service) => names.includes(service))
}

function healthResult(health: Health, services: readonly (typeof SERVICES)[number][]): unknown {
  const colours = services.map((service) => [service, health[service] ? 'green' : 'red'] as const)
  const red = colours.find(([, colour]) => colour === 'red')
  const result = { status: red === undefined ? 'green' : 'red', services: Object.fromEntries(colours) }
  if (red === undefined) return result
  return new Outcome(result, { error: new KuzzleError('core.fatal.service_unavailable', [red[0]]) })
}

function openApiAction(controllers: () => Readonly<Record<string, Controller>>): Action {
  // Made once: printing it takes long enough that strangers could keep the server busy with it.
  const outcomes = new Map<string, Outcome>()
  return {
    routes: [{ verb: 'GET', path: '/_openapi' }],
    async run(request, { server: { version } }) {
      const format = choiceOf(request, 'format', ['json', 'yaml'])
      const scope = choiceOf(request, 'scope', ['kuzzle', 'app'])
      const name = `${version} ${scope} ${format}`
      // `app` stands for what an application adds to Kuzzle: nothing here.
      const outcome =
        outcomes.get(name) ?? printOpenApi(scope === 'app' ? {} : controllers(), version, format)
      outcomes.set(name, outcome)
      return outcome
    },
  }
}

function printOpenApi(
  controllers: Readonly<Record<string, Controller>>,
  version: string,
  format: string,
): Outcome {
  const document = openApiDocument(controllers, { version })
  if (format === 'yaml') {
    const text = printYaml(document)
    return new Outcome(text, { raw: { contentType: 'application/yaml', text } })
  }
  return new Outcome(document, { raw: { contentType: 'application/json', text: JSON.stringify(document) } })
}

function choiceOf(request: KuzzleRequest, name: string, accepted: readonly [string, ...string[]]): string {
  const value = request.optionalString(name) ?? accepted[0]
  return accepted.includes(value) ? value : fail('api.assert.unexpected_argument', value, accepted)
}
