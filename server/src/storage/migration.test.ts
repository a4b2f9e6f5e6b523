import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compatibleFrom, lastVersion, missingMigrations, readMigrations } from './migration.ts'

const step = (version: number, compatibleFrom?: number) => ({
  version,
  name: `step-${version}`,
  sql: '',
  ...(compatibleFrom !== undefined && { compatibleFrom }),
})

const missing = (applied: readonly ReturnType<typeof step>[], known: readonly ReturnType<typeof step>[]) =>
  missingMigrations(applied, known).map(({ version }) => version)

test('what a schema has not been through is missing, whatever it has been through besides', () => {
  assert.deepEqual(missing([], [step(1), step(2)]), [1, 2])
  assert.deepEqual(missing([step(1), step(3)], [step(1), step(2), step(3)]), [2])
  assert.deepEqual(missing([step(1), step(2), step(3, 2)], [step(1), step(2)]), [])
})

test('a program is refused by a step that it does not know, unless the step says otherwise', () => {
  assert.throws(() => missing([step(1), step(2)], [step(1)]), /version 2, .*up to 1: start the newer/)
  assert.throws(() => missing([step(1), step(2), step(3, 2)], [step(1)]), /version 3, .*knows version 2/)
  // The strictest of them decides, wherever it stands.
  assert.throws(() => missing([step(1), step(2, 2), step(3, 1)], [step(1)]), /knows version 2/)
})

for (const driver of ['sqlite', 'postgres']) {
  const steps = readMigrations(new URL(`./${driver}/migrations/`, import.meta.url))

  test(`the steps of ${driver} have numbers without gaps, and none claims to suit later programs than itself`, () => {
    assert.deepEqual(
      steps.map(({ version }) => version),
      steps.map((_, index) => index + 1),
    )
    for (const { version, compatibleFrom: from } of steps) if (from !== undefined) assert.ok(from < version)
  })

  test(`programs of ${driver} that know less run on its schema exactly from the step on that it names`, () => {
    const from = compatibleFrom(steps)
    assert.ok(from >= 1 && from <= lastVersion(steps))
    for (const { version } of steps) {
      const known = steps.filter((one) => one.version <= version)
      const unknown = steps.filter((one) => one.version > version)
      if (version >= compatibleFrom(unknown)) assert.deepEqual(missingMigrations(steps, known), [])
      else assert.throws(() => missingMigrations(steps, known), /start the newer Latchkey/)
    }
  })
}
