import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runProgram } from './testing/run-program.ts'

const run = (...args: readonly string[]) => runProgram(args)

test('rules are printed for every scanner that help names', async () => {
  const { out: help } = await run('--help')
  const line = help.split('\n').find((text) => text.includes('detectors [')) ?? ''
  const marks = { gitleaks: '[[rules]]', trufflehog: 'detectors:', github: 'Secret format:' }
  for (const [format, mark] of Object.entries(marks)) {
    assert.ok(line.includes(format), format)
    const apart = await run('detectors', '--format', format)
    assert.equal(apart.code, 0)
    assert.ok(apart.out.includes(mark) && apart.out.includes('lk_live_'), format)
    assert.ok(apart.out.endsWith('\n'))
    assert.deepEqual(await run('detectors', `--format=${format}`), apart)
  }
})

test('the rules are those of gitleaks when no format is named', async () => {
  assert.deepEqual(await run('detectors'), await run('detectors', '--format', 'gitleaks'))
})

test('a format that does not exist is refused, and so are unknown settings', async () => {
  for (const args of [['--format', 'grep'], ['--format'], ['--format='], ['--fromat', 'github']]) {
    const { code, out, err } = await run('detectors', ...args)
    assert.deepEqual([code, out], [2, ''], args.join(' '))
    assert.match(err, /format|fromat/)
  }
})
