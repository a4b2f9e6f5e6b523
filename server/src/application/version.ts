import { readFileSync } from 'node:fs'

/** Version of this program, from its package.json, which is at the same place beside `src` and `dist`. */
export function readVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  return String(JSON.parse(text).version)
}
