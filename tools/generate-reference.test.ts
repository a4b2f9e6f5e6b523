import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CONTROLLERS } from '../server/src/apis/kuzzle/actions.ts'
import { KUZZLE_ERRORS } from '../server/src/apis/kuzzle/kuzzle-errors.ts'
import { SETTING_NAMES } from '../server/src/settings/settings.ts'
import { DOCUMENTS } from './generate-reference.ts'

function print(name: string): string {
  return DOCUMENTS[name]?.() ?? assert.fail(`there is no ${name}`)
}

test('every setting, error and action has its place in the reference', () => {
  for (const name of SETTING_NAMES) assert.ok(print('settings.md').includes(`## \`${name}\`\n`), name)
  for (const id of Object.keys(KUZZLE_ERRORS)) assert.ok(print('errors.md').includes(`| \`${id}\` |`), id)
  for (const actions of Object.values(CONTROLLERS))
    for (const action of Object.keys(actions))
      assert.ok(print('kuzzle-actions.md').includes(`| \`${action}\` |`), action)
})

test('every action says what it does', () => {
  assert.doesNotMatch(print('kuzzle-actions.md'), /\| *\|/)
})

test('what is generated never depends on when or where', () => {
  for (const document of Object.values(DOCUMENTS)) {
    assert.equal(document(), document())
    assert.ok(!document().includes(process.cwd()))
  }
})
