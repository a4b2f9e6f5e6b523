// A plugin for Stryker (https://stryker-mutator.io) that takes a sample of the mutants: each is drawn by a hash of where
// and what it is, so that the same sample comes out again as long as the code is the same. Stryker has no setting for
// that; it counts mutants that a checker refuses as if they were not there.

import { createHash } from 'node:crypto'

const percent = Number(process.env.LATCHKEY_MUTANTS_PERCENT ?? 100)
const seed = process.env.LATCHKEY_MUTANTS_SEED ?? ''

class SampleChecker {
  async init() {}

  async check(mutants) {
    return Object.fromEntries(mutants.map((mutant) => [mutant.id, isDrawn(mutant) ? DRAWN : NOT_DRAWN]))
  }

  group(mutants) {
    return [mutants.map(({ id }) => id)]
  }
}

const DRAWN = { status: 'passed' }
const NOT_DRAWN = { status: 'compileError', reason: 'not in the sample' }

function isDrawn({ fileName, location, mutatorName, replacement }) {
  const file = fileName.replaceAll('\\', '/').replace(/^.*\/server\/src\//, '')
  const { line, column } = location.start
  const name = [seed, file, line, column, mutatorName, replacement].join('\n')
  return createHash('sha256').update(name).digest().readUInt32BE(0) < (percent / 100) * 2 ** 32
}

export const strykerPlugins = [{ kind: 'Checker', name: 'sample', injectableClass: SampleChecker }]
