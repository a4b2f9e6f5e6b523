import type { Controller, Route } from './action.ts'
import { fail } from './kuzzle-errors.ts'

/** What a URL stands for. */
export type RouteMatch = {
  readonly controller: string
  readonly action: string
  readonly deprecated: Route['deprecated']
  /** Values of the path's parameters by name, percent-decoded. */
  readonly parameters: readonly (readonly [name: string, value: string])[]
}

/** Finds what URLs stand for. */
export interface Router {
  /**
   * Undefined for URLs that stand for nothing. Repeated and trailing slashes do not count; what is named literally
   * goes before parameters.
   *
   * @throws {KuzzleError} `network.http.unexpected_error` for a path that cannot be percent-decoded.
   */
  match(verb: string, path: string): RouteMatch | undefined
}

/** A router for every route of these actions. @throws {Error} Two of them have the same route. */
export function createRouter(controllers: Readonly<Record<string, Controller>>): Router {
  const verbs = new Map<string, VerbRoutes>()
  for (const [controller, actions] of Object.entries(controllers)) {
    for (const [action, { routes }] of Object.entries(actions)) {
      for (const route of routes) {
        const known = verbs.get(route.verb) ?? { exact: new Map(), tree: createNode() }
        verbs.set(route.verb, known)
        addRoute(known, { controller, action, deprecated: route.deprecated }, route)
      }
    }
  }
  return {
    match(verb, path) {
      const routes = verbs.get(verb)
      if (routes === undefined) return undefined
      return routes.exact.get(path) ?? matchSegments(routes, segmentsOf(path).map(decode))
    },
  }
}

/** A path without repeated and trailing slashes. */
export function normalisePath(path: string): string {
  return path.includes('//') || path.endsWith('/') ? `/${segmentsOf(path).join('/')}` : path
}

type Target = Omit<RouteMatch, 'parameters'>

/** Routes of one verb: those without parameters by their path, and all as a tree of path segments. */
type VerbRoutes = { readonly exact: Map<string, RouteMatch>; readonly tree: Node }

type Node = {
  readonly literals: Map<string, Node>
  parameter: Node | undefined
  end: { readonly target: Target; readonly names: readonly string[] } | undefined
}

function createNode(): Node {
  return { literals: new Map(), parameter: undefined, end: undefined }
}

function addRoute(routes: VerbRoutes, target: Target, { verb, path }: Route): void {
  const segments = segmentsOf(path)
  const names = segments.filter(isParameter).map((segment) => segment.slice(1))
  let node = routes.tree
  for (const segment of segments) node = childFor(node, segment)
  if (node.end !== undefined) throw new Error(`Cannot route ${verb} ${path} to two actions`)
  node.end = { target, names }
  if (names.length === 0) routes.exact.set(path, { ...target, parameters: [] })
}

function childFor(node: Node, segment: string): Node {
  if (isParameter(segment)) {
    node.parameter ??= createNode()
    return node.parameter
  }
  const child = node.literals.get(segment) ?? createNode()
  node.literals.set(segment, child)
  return child
}

function matchSegments({ tree }: VerbRoutes, segments: readonly string[]): RouteMatch | undefined {
  const values: string[] = []
  const end = descend(tree, segments, 0, values)
  if (end === undefined) return undefined
  const parameters = end.names.map((name, position) => [name, values[position] ?? ''] as const)
  return { ...end.target, parameters }
}

/** Goes as deep as the deepest route and no deeper; leaves the parameters' values in `values`. */
function descend(node: Node, segments: readonly string[], depth: number, values: string[]): Node['end'] {
  const segment = segments[depth]
  if (segment === undefined) return node.end
  const literal = node.literals.get(segment)
  const found = literal && descend(literal, segments, depth + 1, values)
  if (found !== undefined || node.parameter === undefined) return found
  values.push(segment)
  const below = descend(node.parameter, segments, depth + 1, values)
  if (below === undefined) values.pop()
  return below
}

function segmentsOf(path: string): readonly string[] {
  return path.split('/').filter((segment) => segment !== '')
}

function isParameter(segment: string): boolean {
  return segment.startsWith(':')
}

function decode(segment: string): string {
  if (!segment.includes('%')) return segment
  try {
    return decodeURIComponent(segment)
  } catch {
    return fail('network.http.unexpected_error', 'the path is not percent-encoded as it should be')
  }
}
