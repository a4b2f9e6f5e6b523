import { readFileSync } from 'node:fs'

/** The text of a file. @throws {Error} as the system says. */
export function readTextFile(path: string): string {
  return readFileSync(path, 'utf8')
}
