/** A route as clients look it up. */
export type PublicRoute = { readonly path: string; readonly url: string; readonly verb: string }

/** One action as `server:publicApi` lists it. */
export type PublicAction = {
  readonly controller: string
  readonly action: string
  readonly http?: readonly PublicRoute[]
}

/** Every action by controller and name. */
export type PublicApi = Readonly<Record<string, Readonly<Record<string, PublicAction>>>>

/**
 * Lists every action with those of its routes that are published.
 *
 * The official SDK takes the shortest URL it finds, so that one route too many changes what it sends: aliases are
 * served, and not listed.
 */
export function publicApiOf(
  controllers: Readonly<Record<string, Readonly<Record<string, { readonly routes: readonly Route[] }>>>>,
): PublicApi {
  return mapValues(controllers, (actions, controller) =>
    mapValues(actions, ({ routes }, action) => {
      const published = routes.filter((route) => route.published !== false)
      return { action, controller, ...(published.length > 0 && { http: published.map(publicRoute) }) }
    }),
  )
}

/** What of a route matters here; see `action.ts`. */
type Route = { readonly verb: string; readonly path: string; readonly published?: false }

function publicRoute({ path, verb }: Route): PublicRoute {
  return { path, url: path, verb }
}

function mapValues<A, B>(
  record: Readonly<Record<string, A>>,
  change: (value: A, name: string) => B,
): Readonly<Record<string, B>> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, change(value, name)]))
}
