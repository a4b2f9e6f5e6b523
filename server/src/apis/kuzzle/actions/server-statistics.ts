import type { JsonValue } from '../../../core/json.ts'
import type { Instant } from '../../../core/record.ts'
import type { Controller } from '../action.ts'
import { fail } from '../kuzzle-errors.ts'
import type { KuzzleRequest } from '../request.ts'

const OUTDATED = { message: 'Use this route instead: http://kuzzle:7512/_metrics', version: '2.16.0' }

/** How much the server has to do. */
export const statisticsActions: Controller = {
  getLastStats: {
    routes: [{ verb: 'GET', path: '/_getLastStats', deprecated: OUTDATED }],
    run: async (_request, { server }) => server.statistics.last(),
  },

  getStats: {
    routes: [{ verb: 'GET', path: '/_getStats', deprecated: OUTDATED }],
    async run(request, { server }) {
      const start = instantOf(request, 'startTime') ?? 0
      const stop = instantOf(request, 'stopTime') ?? Number.MAX_SAFE_INTEGER
      return framesResult(server.statistics.between(start, stop))
    },
  },

  getAllStats: {
    routes: [{ verb: 'GET', path: '/_getAllStats', deprecated: OUTDATED }],
    run: async (_request, { server }) => framesResult(server.statistics.between(0, Number.MAX_SAFE_INTEGER)),
  },

  metrics: {
    routes: [{ verb: 'GET', path: '/_metrics' }],
    run: async (_request, { server }) => ({
      api: server.load(),
      network: { connections: server.connections() },
      realtime: { rooms: 0, subscriptions: 0 },
    }),
  },
}

function framesResult(hits: readonly unknown[]) {
  return { hits, total: hits.length }
}

/** A point in time: ms since the epoch, or a date as text. */
function instantOf(request: KuzzleRequest, name: string): Instant | undefined {
  const value = request.args.get(name)
  if (value === undefined || value === null || value === '') return undefined
  const instant = parseInstant(value)
  return Number.isFinite(instant) ? instant : fail('api.assert.invalid_argument', name, 'number or date')
}

function parseInstant(value: JsonValue): number {
  if (typeof value === 'number') return value
  if (typeof value !== 'string') return Number.NaN
  const number = Number(value)
  return Number.isNaN(number) ? Date.parse(value) : number
}
