// Mutation testing of `server/src/query`: changes the code in many small ways, one at a time, and tells which changes
// the tests notice. Stryker does the work, in a temporary folder: it is no dependency of this repository.
//
//   node tools/mutate-query.ts [--percent 5] [--seed latchkey] [--part NAME] [--folder FOLDER] [--resume] [--concurrency 2]
//
// --percent      Mutants that are tried, of every hundred. The same seed draws the same ones from the same code.
// --part         One of the parts below instead of all of them.
// --folder       Where to work; kept afterwards, so that the next run need not install Stryker again.
// --resume       Do not run parts again of which the folder has a report.
//
// Prints Markdown: the score of each folder, and the mutants that survived. Ends with 1 when the score is below 80 %.

import { execFileSync, spawnSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const STRYKER_VERSION = '10.0.0'
const SCORE_MIN = 80
/** A mutant is noticed when the tests take this much longer than usual. */
const SLOWER_MS = 8000

/** Tests of how long things take; the code takes longer with the mutants in it. */
const TIMED = '-turns.test.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const QUERY = 'server/src/query'
const SOURCES = ['!**/*.test.ts', '!**/*.generated.ts', '!**/keywords/**', '!**/testing/**']

/** Folders and the tests that are meant to notice changes there; fewer tests per change take less time. */
type Part = {
  readonly name: string
  readonly mutate: readonly string[]
  readonly tests: readonly string[]
}

const PARTS: readonly Part[] = [
  {
    name: 'aggregations',
    mutate: [`${QUERY}/aggregations.ts`, `${QUERY}/aggregations/**/*.ts`],
    tests: [`${QUERY}/aggregations.test.ts`],
  },
  {
    name: 'indexed',
    mutate: [`${QUERY}/indexed/**/*.ts`],
    tests: [`${QUERY}/indexed/*.test.ts`],
  },
  {
    name: 'sql',
    mutate: [`${QUERY}/sql/**/*.ts`],
    tests: [`${QUERY}/sql/*.test.ts`, 'server/src/storage/sqlite/table-search.test.ts'],
  },
  {
    name: 'language',
    mutate: [
      `${QUERY}/**/*.ts`,
      ...['aggregations.ts', 'aggregations/**', 'indexed/**', 'sql/**'].map((path) => `!${QUERY}/${path}`),
    ],
    // Those that notice most come first, those that take longest last.
    tests: [
      'tools/query-cases/run-case.test.ts',
      `${QUERY}/keywords/*.test.ts`,
      `${QUERY}/[b-z]*.test.ts`,
      `${QUERY}/analyzer.test.ts`,
    ],
  },
]

const { values: options } = parseArgs({
  options: {
    percent: { type: 'string', default: '5' },
    seed: { type: 'string', default: 'latchkey' },
    part: { type: 'string' },
    folder: { type: 'string' },
    resume: { type: 'boolean', default: false },
    concurrency: { type: 'string', default: '2' },
  },
})

type Mutant = {
  readonly mutatorName: string
  readonly replacement?: string
  readonly status: string
  readonly location: { readonly start: { readonly line: number; readonly column: number } }
}
type Report = {
  readonly files: Readonly<Record<string, { readonly source: string; readonly mutants: readonly Mutant[] }>>
}
type Tried = { readonly file: string; readonly source: string; readonly mutant: Mutant }

const parts = PARTS.filter((part) => options.part === undefined || part.name === options.part)
if (parts.length === 0) {
  console.error(`Cannot mutate "${options.part}": it is none of ${PARTS.map(({ name }) => name).join(', ')}`)
  process.exit(2)
}
const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'latchkey-mutants-'))
try {
  install(folder)
  const startedAt = performance.now()
  const tried = parts.flatMap((part) => mutantsOf(runPart(part)))
  print(tried, (performance.now() - startedAt) / 60_000)
} finally {
  if (options.folder === undefined) rmSync(folder, { recursive: true, force: true })
}

/** Installs Stryker, and what the tests import, beside a copy of the code. */
function install(into: string): void {
  mkdirSync(into, { recursive: true })
  const versions = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).devDependencies
  const packages = [
    `@stryker-mutator/core@${STRYKER_VERSION}`,
    `@stryker-mutator/tap-runner@${STRYKER_VERSION}`,
    `fast-check@${versions['fast-check']}`,
  ]
  if (!existsSync(join(into, 'node_modules/@stryker-mutator/core'))) {
    writeFileSync(join(into, 'package.json'), JSON.stringify({ private: true, type: 'module' }))
    execFileSync('npm', ['install', '--no-audit', '--no-fund', ...packages], { cwd: into, stdio: 'inherit' })
  }
}

function runPart(part: Part): Report {
  const reportFile = join(folder, `${part.name}.json`)
  if (options.resume && existsSync(reportFile)) return JSON.parse(readFileSync(reportFile, 'utf8'))
  const work = join(folder, part.name)
  rmSync(work, { recursive: true, force: true })
  for (const path of ['server/src', 'tools', 'compat/fixtures']) {
    cpSync(join(root, path), join(work, path), { recursive: true })
  }
  cpSync(join(root, 'package.json'), join(work, 'package.json'))
  symlinkSync(join(folder, 'node_modules'), join(work, 'node_modules'))

  const tests = part.tests
    .flatMap((pattern) => globSync(pattern, { cwd: work }).sort())
    .filter((test) => !test.endsWith(TIMED))
  writeFileSync(join(work, 'all.test.ts'), tests.map(importOf).join(''))
  writeFileSync(join(work, 'stryker.config.json'), JSON.stringify(configOf(part, reportFile)))

  const run = spawnSync('node', ['node_modules/@stryker-mutator/core/bin/stryker.js', 'run'], {
    cwd: work,
    stdio: ['ignore', process.stderr, process.stderr],
    env: {
      ...process.env,
      LATCHKEY_MUTANTS_PERCENT: options.percent,
      LATCHKEY_MUTANTS_SEED: options.seed,
    },
  })
  if (run.status !== 0) throw new Error(`Stryker failed on "${part.name}" with exit code ${run.status}`)
  return JSON.parse(readFileSync(reportFile, 'utf8'))
}

/** A change that keeps a file from being loaded is noticed, too; to the runner it would be a file without tests. */
function importOf(test: string): string {
  return (
    `await import('./${test}').catch(async (error) => {\n` +
    `  const { test } = await import('node:test')\n  test('loads', () => { throw error })\n})\n`
  )
}

function configOf(part: Part, reportFile: string): object {
  const nodeArgs = [
    '--disable-warning=ExperimentalWarning',
    '--test-reporter=tap',
    '-r',
    '{{hookFile}}',
    '{{testFile}}',
  ]
  return {
    testRunner: 'tap',
    plugins: ['@stryker-mutator/tap-runner', join(root, 'tools/mutation-sample.mjs')],
    checkers: ['sample'],
    tap: { testFiles: ['all.test.ts'], nodeArgs, forceBail: true },
    mutate: [...part.mutate, ...SOURCES],
    coverageAnalysis: 'off',
    concurrency: Number(options.concurrency),
    timeoutMS: SLOWER_MS,
    reporters: ['json', 'progress-append-only'],
    jsonReporter: { fileName: reportFile },
    disableTypeChecks: false,
    tempDirName: '.stryker',
    tsconfigFile: 'none.json',
    allowEmpty: true,
  }
}

/** The mutants that were in the sample. */
function mutantsOf(report: Report): readonly Tried[] {
  return Object.entries(report.files).flatMap(([path, { source, mutants }]) =>
    mutants
      .filter(({ status }) => status !== 'CompileError' && status !== 'Ignored')
      .map((mutant) => ({ file: relative(QUERY, path), source, mutant })),
  )
}

function isNoticed({ mutant }: Tried): boolean {
  return mutant.status === 'Killed' || mutant.status === 'Timeout'
}

function print(tried: readonly Tried[], minutes: number): void {
  const folders = [...new Set(tried.map(({ file }) => dirname(file)))].sort()
  const rows = folders.map((name) =>
    row(
      name === '.' ? 'query' : `query/${name}`,
      tried.filter(({ file }) => dirname(file) === name),
    ),
  )
  console.log('| Folder | tried | noticed | by timeout | survived | score |\n|---|---|---|---|---|---|')
  console.log([...rows, row('all', tried)].join('\n'))
  console.log(
    `\n${minutes.toFixed(0)} minutes; seed "${options.seed}", ${options.percent} % of the mutants.\n`,
  )
  const survivors = tried.filter((one) => !isNoticed(one))
  console.log(survivors.map(describe).join('\n'))
  if (scoreOf(tried) < SCORE_MIN) process.exitCode = 1
}

function row(name: string, tried: readonly Tried[]): string {
  const noticed = tried.filter(isNoticed).length
  const slow = tried.filter(({ mutant }) => mutant.status === 'Timeout').length
  const cells = [name, tried.length, noticed, slow, tried.length - noticed, `${scoreOf(tried).toFixed(1)} %`]
  return `| ${cells.join(' | ')} |`
}

function scoreOf(tried: readonly Tried[]): number {
  return (100 * tried.filter(isNoticed).length) / tried.length
}

function describe({ file, source, mutant }: Tried): string {
  const { line } = mutant.location.start
  const text = (source.split('\n')[line - 1] ?? '').trim()
  const replacement = (mutant.replacement ?? '').replace(/\s+/g, ' ').slice(0, 60)
  return `- ${file}:${line} ${mutant.mutatorName}: \`${text}\` → \`${replacement}\``
}
