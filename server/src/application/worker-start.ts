import { SETTING_NAMES, type Settings } from '../settings/settings.ts'
import type { TunnelAddress } from '../transports/lane/tunnel.ts'

/** What a worker thread is told when it starts. Everything in it can be cloned. */
export type WorkerStart = {
  readonly settings: CloneableSettings
  /** Number of the thread: 1 and up; the first thread of the process is 0. */
  readonly thread: number
  readonly host: string
  readonly port: number
  /** Memory of rate limits. */
  readonly rates: SharedArrayBuffer
  /** Memory of the store's clock. */
  readonly clockMemory: SharedArrayBuffer
  /** Memory of what threads changed in the store. */
  readonly changeMemory: SharedArrayBuffer
  /** Memory of metrics, by number of the thread. */
  readonly metrics: readonly SharedArrayBuffer[]
  /** Where connections are passed on to that are not for the lane. */
  readonly tunnel: TunnelAddress
  /** Most connections of this thread. */
  readonly connectionsMax: number
}

/** What a worker tells: that it listens, or why it cannot. */
export type WorkerNews =
  | { readonly kind: 'listening' }
  | { readonly kind: 'failed'; readonly message: string }

/** What a worker is told to do: answer what runs, and end. */
export type WorkerOrder = { readonly kind: 'close' }

/** Settings whose secrets are no functions but `{ secret }`. */
export type CloneableSettings = Readonly<Record<string, unknown>>

/** Settings as they can be given to another thread of this process, which keeps their secrets in its memory as well. */
export function cloneableSettings(settings: Settings): CloneableSettings {
  return Object.fromEntries(
    SETTING_NAMES.map((name) => {
      const value: unknown = settings[name]
      return [name, typeof value === 'function' ? { secret: value() } : value]
    }),
  )
}

/** The settings that were given to this thread. */
export function settingsOfClone(clone: CloneableSettings): Settings {
  const entries = SETTING_NAMES.map((name) => [name, revived(clone[name])])
  // Each member is what `cloneableSettings` was given.
  return Object.fromEntries(entries) as Settings
}

function revived(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !('secret' in value)) return value
  const { secret } = value
  return () => secret
}
