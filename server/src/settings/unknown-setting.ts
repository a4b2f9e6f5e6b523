import { nearestName } from './setting-names.ts'

/** Parts of Kuzzle's configuration for which Latchkey has no use, so that a moved file explains itself. */
const KUZZLE_ONLY = [
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
  'server.appPath',
  'server.logs',
  'services.common',
  'services.internalCache',
  'services.internalIndex',
  'services.memoryStorage',
  'services.storageEngine',
  'validation',
]

/** Says that there is no such setting, and what was probably meant; `print` puts a known name into the form in use. */
export function unknownSetting(name: string, print: (known: string) => string = (known) => known): string {
  const nearest = nearestName(name)
  if (nearest !== undefined) return `unknown setting; did you mean ${print(nearest)}?`
  const isOfKuzzle = KUZZLE_ONLY.some((part) => name === part || name.startsWith(`${part}.`))
  return isOfKuzzle
    ? 'a Kuzzle setting that Latchkey has no use for; remove it'
    : 'unknown setting; "latchkey settings" lists all'
}
