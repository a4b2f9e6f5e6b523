import { printStorage } from '../application/core-settings-of.ts'
import { readVersion } from '../application/version.ts'
import type { Application } from '../application.ts'
import type { Settings } from '../settings/settings.ts'

/** What is printed once the server is ready, ending with a line break; tools look for the line `latchkey listening on http`. */
export function printAnnouncement(application: Application, settings: Settings, now: Date): string {
  return settings['log.format'] === 'json'
    ? printJson(application, settings, now)
    : printText(application, settings)
}

function printText({ urls, adminUrl, adminExists }: Application, settings: Settings): string {
  const isApart = !urls.includes(adminUrl)
  const lines = [
    `latchkey ${readVersion()}, storage ${printStorage(settings)}`,
    ...(isApart ? [`administration is answered on ${adminUrl}`] : []),
    // HTTP comes last, so that whoever waits for it has seen the others.
    ...urls.toReversed().map(listening),
    ...(settings.dev ? [DEVELOPMENT] : []),
    ...(adminExists ? ['An administrator exists.'] : howToCreateAdmin(adminUrl)),
    'See that it answers:',
    `  curl -s ${urls[0]}/livez`,
  ]
  return `${lines.join('\n')}\n`
}

const DEVELOPMENT = 'DEVELOPMENT: anonymous callers may do everything until default rights are restricted.'

function howToCreateAdmin(url: string): readonly string[] {
  const body = { content: {}, credentials: { local: { username: 'admin', password: 'choose a long one' } } }
  return [
    'There is no administrator yet. Only this machine may create one:',
    `  curl -s ${url}/_createFirstAdmin/admin --json '${JSON.stringify(body)}'`,
  ]
}

function printJson({ urls, adminUrl, adminExists }: Application, settings: Settings, now: Date): string {
  const facts = { level: 'info', time: now.toISOString() }
  const what = { version: readVersion(), storage: printStorage(settings) }
  const state = { ...what, adminUrl, adminExists, dev: settings.dev }
  return urls
    .toReversed()
    .map((url) => `${JSON.stringify({ ...facts, url, ...state, msg: listening(url) })}\n`)
    .join('')
}

function listening(url: string): string {
  return `latchkey listening on ${url}`
}
