import { nearestName } from './setting-names.ts'

/** Kuzzle settings that change nothing here, so that a moved file explains itself instead of being misunderstood. */
const OF_KUZZLE_ONLY: ReadonlySet<string> = new Set([
  'security.default.role',
  'security.standard.profiles',
  'security.standard.roles',
  'server.protocols.http.enabled',
  'server.protocols.mqtt.developmentMode',
  'server.protocols.websocket.compression',
  'server.protocols.websocket.resetIdleTimeoutOnSend',
  'server.protocols.websocket.sendPingsAutomatically',
])

/** Sections of Kuzzle's configuration of which nothing, or only what is a setting here, has a meaning. */
const SECTIONS_OF_KUZZLE = [
  'application',
  'cluster',
  'controllers',
  'dump',
  'http.routes',
  'internal',
  'network',
  'plugins',
  'realtime',
  'repositories',
  'security.default',
  'security.standard',
  'server.appPath',
  'server.logs',
  'services',
  'validation',
]

/** Says that there is no such setting, and what was probably meant; `print` puts a known name into the form in use. */
export function unknownSetting(name: string, print: (known: string) => string = (known) => known): string {
  if (OF_KUZZLE_ONLY.has(name)) return NOT_NEEDED
  const nearest = nearestName(name)
  if (nearest !== undefined) return `unknown setting; did you mean ${print(nearest)}?`
  const isOfKuzzle = SECTIONS_OF_KUZZLE.some((section) => name === section || name.startsWith(`${section}.`))
  return isOfKuzzle ? NOT_NEEDED : 'unknown setting; "latchkey settings" lists all'
}

const NOT_NEEDED = 'a Kuzzle setting that Latchkey has no use for; remove it'
