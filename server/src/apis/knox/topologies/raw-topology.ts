/** What a file says of a topology, whatever its format, before it is known whether that can be offered. */
export type RawTopology = {
  readonly providers: readonly RawProvider[]
  readonly services: readonly RawService[]
  /** Names of applications, which are user interfaces of Knox. */
  readonly applications: readonly string[]
  /** Elements that mean nothing here. */
  readonly ignored: readonly string[]
}

export type RawProvider = {
  readonly role: string
  readonly name: string
  readonly enabled: boolean
  readonly params: ReadonlyMap<string, string>
}

export type RawService = {
  readonly role: string
  readonly urls: readonly string[]
  readonly params: ReadonlyMap<string, string>
}
