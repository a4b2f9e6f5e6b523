import type { Params, Topology } from './topology.ts'

/** Finds what a service was told: name without prefix, such as `knox.token.ttl`. */
export type ServiceParams = {
  /** Undefined: the default of the service counts. */
  get(name: string): string | undefined
  /** Where a value comes from, for messages: `"apikey.knox.token.ttl" of service "APIKEY"`. */
  sourceOf(name: string): string | undefined
}

/**
 * Parameters of the neighbours that never count for a service with a prefix of its own: their time to live, which is for
 * other kinds of tokens; and whether tokens are managed, without which Knox refuses every request for a key.
 */
const NEVER_LEAKING = ['knox.token.ttl', 'knox.token.exp.server-managed']

/**
 * The parameters of a service in its topology, where all services share one name space: `PREFIX.name` of any service
 * first, then the plain name of its own, then that of any other service.
 *
 * `prefix`: such as `apikey`; undefined: the service has none.
 */
export function serviceParams(topology: Topology, role: string, prefix: string | undefined): ServiceParams {
  const own = topology.services.filter((service) => service.role === role)
  const others = topology.services.filter((service) => service.role !== role)
  const find = (
    name: string,
  ): { readonly service: string; readonly name: string; readonly value: string } | undefined => {
    const candidates: [readonly { readonly role: string; readonly params: Params }[], string][] = [
      ...(prefix === undefined ? [] : [[[...own, ...others], `${prefix}.${name}`] as [typeof own, string]]),
      [own, name],
      [prefix !== undefined && NEVER_LEAKING.includes(name) ? [] : others, name],
    ]
    for (const [services, key] of candidates) {
      for (const service of services) {
        const value = service.params.get(key)
        if (value !== undefined) return { service: service.role, name: key, value }
      }
    }
    return undefined
  }
  return {
    get: (name) => find(name)?.value,
    sourceOf: (name) => {
      const found = find(name)
      return found && `"${found.name}" of service "${found.service}"`
    },
  }
}
