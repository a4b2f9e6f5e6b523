/** Runs the benchmarks named on the command line, or all, and writes their tables to `bench/results`. */
import { readdirSync, writeFileSync } from 'node:fs'

const here = new URL('./', import.meta.url)
const wanted = process.argv.slice(2)
const names = readdirSync(here)
  .filter((file) => file.endsWith('.bench.ts'))
  .map((file) => file.replace('.bench.ts', ''))
const unknown = wanted.filter((name) => !names.includes(name))
if (unknown.length > 0) {
  process.stderr.write(`No benchmark is called ${unknown.join(', ')}; there are: ${names.join(', ')}\n`)
  process.exit(2)
}
for (const name of wanted.length > 0 ? wanted : names) {
  process.stderr.write(`${name}: running\n`)
  const benchmark: { runBenchmark(): Promise<string> } = await import(
    new URL(`./${name}.bench.ts`, here).href
  )
  const table = await benchmark.runBenchmark()
  writeFileSync(new URL(`./results/${name}.md`, here), table)
  process.stdout.write(`${table}\n`)
}
