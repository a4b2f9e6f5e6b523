// Runs the tests: all of them, or those whose path contains one of the given texts (`npm test -- server/src/query`).
// What follows `--` among the arguments, such as `-- --test-name-pattern=x`, goes to node.
// Ends with node's totals and with node's exit code.

import { spawn } from 'node:child_process'
import { globSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'

const FILE_TIMEOUT_MS = 300_000
const PARALLEL_MAX = 4

const root = fileURLToPath(new URL('..', import.meta.url))
const given = process.argv.slice(2)
const separator = given.indexOf('--')
const filters = (separator === -1 ? given : given.slice(0, separator)).map((filter) =>
  filter.replace(/^\.\//, ''),
)
const nodeOptions = separator === -1 ? [] : given.slice(separator + 1)

const files = globSync(['server/src/**/*.test.ts', 'compat/**/*.test.ts', 'tools/**/*.test.ts'], {
  cwd: root,
})
  .filter((file) => filters.length === 0 || filters.some((filter) => file.includes(filter)))
  .sort()

if (files.length === 0) {
  console.error(`Cannot run tests: no test file matches ${filters.join(', ') || 'anything'}`)
  process.exit(1)
}

const child = spawn(
  process.execPath,
  [
    '--disable-warning=ExperimentalWarning',
    `--import=${new URL('test-seed.mjs', import.meta.url)}`,
    '--test',
    '--test-reporter=spec',
    `--test-concurrency=${Math.min(PARALLEL_MAX, availableParallelism())}`,
    `--test-timeout=${FILE_TIMEOUT_MS}`,
    ...nodeOptions,
    ...files,
  ],
  { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] },
)

const totals = []
let tail = ''
child.stdout.setEncoding('utf8').on('data', (text) => {
  process.stdout.write(text)
  const lines = (tail + text).split('\n')
  tail = lines.pop() ?? ''
  totals.push(
    ...lines.filter((line) => /^ℹ (tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) /.test(line)),
  )
})

for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal))

child.on('close', (code, signal) => {
  // Node lists the failures below its totals; whoever reads the last lines shall find the totals.
  if (code !== 0) console.log(`\n${totals.slice(-8).join('\n')}`)
  if (signal !== null) console.error(`The test runner was ended by ${signal}`)
  process.exitCode = code ?? 1
})
