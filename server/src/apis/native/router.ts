import type { Endpoint, Method } from './endpoint.ts'
import { Problem } from './problem.ts'

/** Finds endpoints. */
export interface Router {
  /** What there is at a path; undefined when nothing is. @throws {Problem} `request.not_found` for a malformed path. */
  find(path: string): Place | undefined
}

/** A path that has endpoints. */
export type Place = {
  /** The path's `:id`, decoded; empty where there is none. */
  readonly id: string
  readonly endpoints: ReadonlyMap<Method, Endpoint>
  /** Methods for `Allow`, with those that every path has. */
  readonly allow: string
}

/** Indexes endpoints by their paths, in which one segment may be `:id`. */
export function createRouter(endpoints: readonly Endpoint[]): Router {
  const patterns = new Map<string, Map<Method, Endpoint>>()
  for (const each of endpoints) {
    const methods = patterns.get(each.path) ?? new Map<Method, Endpoint>()
    patterns.set(each.path, methods.set(each.method, each))
  }
  return {
    find(path) {
      const named = path.includes(ID) ? undefined : patterns.get(path)
      const pattern = withId(path)
      const general = pattern && patterns.get(pattern.path)
      if (named === undefined && general === undefined) return undefined
      // A key may be called `search`: it is got from the same path that searches are posted to.
      const methods = new Map([...(general ?? []), ...(named ?? [])])
      return {
        id: general === undefined || pattern === undefined ? '' : decode(pattern.id),
        endpoints: methods,
        allow: allowOf(methods),
      }
    },
  }
}

/** `/v1/keys/<id>` or `/v1/keys/<id>/rotate`: an id is always the third segment. */
function withId(path: string): { readonly path: string; readonly id: string } | undefined {
  const [, version = '', collection = '', id = '', ...rest] = path.split('/', SEGMENTS_MAX)
  if (id === '' || rest.length > 1) return undefined
  return { path: ['', version, collection, ID, ...rest].join('/'), id }
}

/** One more than any route has. */
const SEGMENTS_MAX = 6

const ID = ':id'

function allowOf(methods: ReadonlyMap<Method, Endpoint>): string {
  const names = [...methods.keys()].flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method]))
  return [...names, 'OPTIONS'].join(', ')
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    throw new Problem('request.not_found', 'Cannot find the path: it is not percent-encoded UTF-8')
  }
}
