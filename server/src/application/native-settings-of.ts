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
