/** One topology file: which services are offered under a name, and who guards them. Already checked. */
export type Topology = {
  /** Name of the file without extension; the segment of the URL. */
  readonly name: string
  /** The file as messages name it, relative to the folder; of one that is in no file, its name. */
  readonly file: string
  /** Enabled ones, in the order of the file; at most one of each role. */
  readonly providers: readonly Provider[]
  readonly services: readonly TopologyService[]
}

/** The roles of providers, in the order in which their filters run. */
export const PROVIDER_ROLES = [
  'webappsec',
  'authentication',
  'federation',
  'identity-assertion',
  'authorization',
] as const
export type ProviderRole = (typeof PROVIDER_ROLES)[number]

/** One guard of a topology. */
export type Provider = {
  readonly role: ProviderRole
  /** As in the file, such as `ShiroProvider`. */
  readonly name: string
  readonly params: Params
}

/** One service of a topology. */
export type TopologyService = {
  /** Upper case by convention, such as `APIKEY`. */
  readonly role: string
  readonly urls: readonly string[]
  /** Its own parameters only; see `service-params.ts` for what a service really reads. */
  readonly params: Params
}

/** Parameters by name, as written. */
export type Params = ReadonlyMap<string, string>
