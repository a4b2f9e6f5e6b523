/*
 * Runs files of worked query examples against the real engine on a real store:
 *
 *   node tools/run-query-cases.ts FILE... [--storage sqlite::memory:]
 *
 * Prints each failure, then `N passed, N failed` as the last line; exits 1 when one failed. Cases that are marked
 * `certain: false` are reported apart and fail nothing.
 */
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { analyze } from '../server/src/query/analyzer.ts'
import { openCaseStore } from './query-cases/case-store.ts'
import { type CaseOutcome, type CasesFile, runCase, runPaging } from './query-cases/run-case.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { storage: { type: 'string', default: 'sqlite::memory:' } },
})

if (positionals.length === 0) {
  console.error('usage: run-query-cases.ts FILE... [--storage sqlite::memory:]')
  process.exit(2)
}

let passed = 0
let failed = 0
for (const path of positionals) {
  const outcomes = await runFile(readCases(path))
  for (const outcome of outcomes) report(outcome)
}
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1

/** Ends with one line for people when there is no such file, or no JSON in it. */
function readCases(path: string): CasesFile {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    console.error(
      `Cannot read the cases in ${path}: ${error instanceof Error ? error.message : String(error)}`,
    )
    process.exit(1)
  }
}

function report({ name, certain, problem }: CaseOutcome): void {
  if (!certain) {
    console.log(`uncertain: ${name}: ${problem ?? 'as expected'}`)
    return
  }
  if (problem === undefined) {
    passed += 1
    return
  }
  failed += 1
  console.log(`FAILED: ${name}: ${problem}`)
}

async function runFile(file: CasesFile): Promise<readonly CaseOutcome[]> {
  const outcomes: CaseOutcome[] = (file.analysis ?? []).map(({ text, tokens }) => {
    const found = analyze('standard', text).map((token) => token.text)
    const isRight = JSON.stringify(found) === JSON.stringify(tokens)
    const name = `analysis of ${JSON.stringify(text)}`
    return { name, certain: true, problem: isRight ? undefined : `expected ${tokens}, found ${found}` }
  })
  for (const collection of [{ collection: 'api-keys', ...file }, ...(file.extra ?? [])]) {
    const store = await openCaseStore(values.storage, collection.documents, collection.mapping)
    for (const one of collection.cases ?? []) {
      const outcome = await runCase(store, one, file.now)
      outcomes.push({ ...outcome, name: `${collection.collection}: ${outcome.name}` })
    }
    const paging = collection.collection === 'api-keys' ? file.paging : []
    for (const one of paging ?? []) outcomes.push(await runPaging(store, one, file.now))
    await store.close()
  }
  return outcomes
}
