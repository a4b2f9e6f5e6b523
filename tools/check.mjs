// `npm run check`: everything that can be known without running the tests. Runs all steps, then reports what failed.

import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const OUTPUT_BYTES_MAX = 64 * 1024 * 1024
const STEP_TIMEOUT_MS = 300_000

const root = fileURLToPath(new URL('..', import.meta.url))
const node = ['node', '--disable-warning=ExperimentalWarning']

const steps = [
  { name: 'format and lint', command: ['biome', 'check', '--error-on-warnings', '.'] },
  { name: 'types', command: ['tsc', '-p', '.'] },
  { name: 'dead code', command: ['knip', '--no-progress'] },
  { name: 'generated documents', command: [...node, 'tools/generate-reference.ts', '--check'] },
  { name: 'build', command: [...node, 'tools/build.mjs'] },
  { name: 'package', command: ['publint', 'server', '--strict'] },
]

const failures = []
for (const { name, command } of steps) {
  const startedAt = performance.now()
  const [program, ...args] = command
  // npm puts node_modules/.bin first on the path.
  const run = spawnSync(program, args, {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: OUTPUT_BYTES_MAX,
    timeout: STEP_TIMEOUT_MS,
    shell: process.platform === 'win32',
  })
  const passed = run.status === 0
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
  console.log(`${passed ? 'ok  ' : 'FAIL'} ${name} (${seconds} s)`)
  if (!passed)
    failures.push({ name, command, output: `${run.stdout}${run.stderr}${run.error?.message ?? ''}` })
}

for (const { name, command, output } of failures) {
  console.log(`\n--- ${name}: ${command.join(' ')}\n${output.trim()}`)
}
console.log(
  failures.length === 0 ? '\nAll checks passed.' : `\nFailed: ${failures.map(({ name }) => name).join(', ')}`,
)
process.exitCode = failures.length === 0 ? 0 : 1
