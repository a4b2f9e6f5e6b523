import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { SETTING_NAMES } from '../settings/settings.ts'

test('every setting is read by something', () => {
  const source = join(import.meta.dirname, '..')
  const readers = ['application.ts', 'application/*.ts', 'cli/*.ts'].flatMap((pattern) =>
    globSync(pattern, { cwd: source }),
  )
  const text = readers
    .filter((file) => !file.endsWith('.test.ts'))
    .map((file) => readFileSync(join(source, file), 'utf8'))
    .join('\n')
  const unread = SETTING_NAMES.filter(
    (name) => !text.includes(`settings['${name}']`) && !text.includes(`settings.${name}`),
  )
  assert.deepEqual(unread, [])
})
