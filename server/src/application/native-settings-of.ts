import type { NativeSettings } from '../apis/native/native-api.ts'
import type { Settings } from '../settings/settings.ts'
import { StartError } from './start-error.ts'

/** What Latchkey's own API is told of the settings. @throws {StartError} when the public URL is none. */
export function nativeSettingsOf(settings: Settings): NativeSettings {
  const publicUrl = settings['http.publicUrl']
  return {
    maxRequestSize: settings['server.maxRequestSize'],
    maxEncodingLayers: settings['server.protocols.http.maxEncodingLayers'],
    accessControlAllowOrigin: settings['http.accessControlAllowOrigin'],
    accessControlAllowOriginUseRegExp: settings['http.accessControlAllowOriginUseRegExp'],
    accessControlAllowHeaders: settings['http.accessControlAllowHeaders'],
    isApiPublic: settings['admin.port'] === undefined,
    ...(publicUrl !== undefined && { publicUrl: baseUrlOf(publicUrl) }),
  }
}

/** Where GitHub's keys are asked for; undefined: nowhere. @throws {StartError} when the URL is none. */
export function githubKeysUrlOf(settings: Settings): string | undefined {
  const text = settings['leaks.githubKeysUrl']
  if (text === undefined || /^https?:$/.test(URL.parse(text)?.protocol ?? '')) return text
  throw new StartError(
    `Cannot start with these settings:\n  leaks.githubKeysUrl: "${text}" is not a URL such as https://api.github.com/meta/public_keys/secret_scanning`,
  )
}

/** Without what would have to stand behind a path. */
function baseUrlOf(text: string): string {
  const url = URL.parse(text)
  const isBase = url !== null && /^https?:$/.test(url.protocol) && url.search === '' && url.hash === ''
  if (isBase && url.username === '' && url.password === '')
    return `${url.origin}${url.pathname.replace(/\/+$/, '')}`
  throw new StartError(
    `Cannot start with these settings:\n  http.publicUrl: "${text}" is not a URL such as https://keys.example.com`,
  )
}
