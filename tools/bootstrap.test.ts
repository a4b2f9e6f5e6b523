import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'

const BOOTSTRAP = new URL('bootstrap.mjs', import.meta.url).pathname
const LOCK = {
  packages: {
    '': {},
    'node_modules/a': { version: '1.0.0' },
    'node_modules/b': { version: '1.0.0', optional: true },
  },
}

type Run = { readonly code: number | null; readonly out: string; readonly err: string; readonly ms: number }

function bootstrap(args: readonly string[], npm: string): Promise<Run> {
  return new Promise((resolve, reject) => {
    const startedAt = performance.now()
    const child = spawn(process.execPath, [BOOTSTRAP, ...args], {
      env: { ...process.env, npm_execpath: npm },
    })
    let out = ''
    let err = ''
    child.stdout.on('data', (text) => {
      out += text
    })
    child.stderr.on('data', (text) => {
      err += text
    })
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, out, err, ms: performance.now() - startedAt }))
  })
}

/** A checkout without packages, and an npm that takes a moment and writes down what it was asked for. */
function checkout(
  context: TestContext,
  installs: boolean,
): { root: string; npm: string; calls: () => readonly string[] } {
  const root = mkdtempSync(join(tmpdir(), 'latchkey-bootstrap-test-'))
  context.after(() => rmSync(root, { recursive: true }))
  writeFileSync(join(root, 'package-lock.json'), JSON.stringify(LOCK))
  const installed = join(root, 'installed')
  mkdirSync(join(installed, '.bin'), { recursive: true })
  symlinkSync(process.execPath, join(installed, '.bin', 'node'))
  writeFileSync(join(installed, '.package-lock.json'), JSON.stringify(LOCK))
  mkdirSync(join(installed, 'a'))
  writeFileSync(join(installed, 'a', 'package.json'), '{"version": "1.0.0"}')
  const npm = join(root, 'npm.js')
  const log = join(root, 'calls')
  writeFileSync(log, '')
  writeFileSync(
    npm,
    `const fs = require('node:fs')
     fs.appendFileSync(${JSON.stringify(log)}, process.argv.slice(2).join(' ') + '\\n')
     console.log('noise of npm')
     Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300)
     ${installs ? `fs.cpSync(${JSON.stringify(installed)}, ${JSON.stringify(join(root, 'node_modules'))}, { recursive: true, verbatimSymlinks: true })` : 'process.exit(7)'}`,
  )
  return { root, npm, calls: () => readFileSync(log, 'utf8').split('\n').filter(Boolean) }
}

test('does nothing and says nothing when everything is there', async () => {
  const run = await bootstrap([], '/nonexistent/npm.js')
  assert.deepEqual([run.code, run.out, run.err], [0, '', ''])
})

test('installs exactly what the lock file lists, development tools included, and keeps stdout clean', async (context) => {
  const { root, npm, calls } = checkout(context, true)
  const run = await bootstrap([root], npm)
  assert.equal(run.code, 0, run.err)
  assert.equal(run.out, '')
  assert.match(run.err, /installing packages/)
  assert.deepEqual(calls(), ['install --no-save --include=dev --no-audit --no-fund --loglevel=error'])
  assert.deepEqual(await bootstrap([root], npm).then(({ code, err }) => [code, err]), [0, ''])
  assert.equal(calls().length, 1)
})

test('installs again when the lock file asks for another version', async (context) => {
  const { root, npm, calls } = checkout(context, true)
  await bootstrap([root], npm)
  const changed = { packages: { 'node_modules/a': { version: '2.0.0' } } }
  writeFileSync(join(root, 'package-lock.json'), JSON.stringify(changed))
  await bootstrap([root], npm)
  assert.equal(calls().length, 2)
})

test('installs again after an interrupted installation, and when packages are not what npm lists', async (context) => {
  const { root, npm, calls } = checkout(context, true)
  await bootstrap([root], npm)
  rmSync(join(root, 'node_modules', '.package-lock.json'))
  await bootstrap([root], npm)
  assert.equal(calls().length, 2)
  writeFileSync(join(root, 'node_modules', 'a', 'package.json'), '{"version": "0.9.0"}')
  await bootstrap([root], npm)
  assert.equal(calls().length, 3)
})

test('two at once install once', async (context) => {
  const { root, npm, calls } = checkout(context, true)
  const runs = await Promise.all([bootstrap([root], npm), bootstrap([root], npm)])
  assert.deepEqual(
    runs.map(({ code }) => code),
    [0, 0],
  )
  assert.equal(calls().length, 1)
})

test('says what failed and how to try again, and leaves no lock behind', async (context) => {
  const { root, npm } = checkout(context, false)
  for (const _ of [1, 2]) {
    const run = await bootstrap([root], npm)
    assert.equal(run.code, 1)
    assert.match(run.err, /Cannot install packages: npm ended with 7\..*try again with: npm install/)
    assert.doesNotMatch(run.err, /\n +at |Node\.js v/)
  }
})

test('refuses a runtime that is too old, and says what to do', async (context) => {
  const { root, npm } = checkout(context, true)
  rmSync(join(root, 'installed', '.bin', 'node'))
  mkdirSync(join(root, 'installed', 'node'))
  const runtime = join(root, 'node_modules', '.bin', 'node')
  writeFileSync(
    join(root, 'installed', 'node', 'installArchSpecificPackage.js'),
    `require('node:fs').writeFileSync(${JSON.stringify(runtime)}, '#!/bin/sh\\necho v20.1.0\\n', { mode: 0o755 })`,
  )
  const run = await bootstrap([root], npm)
  assert.equal(run.code, 1)
  assert.match(run.err, /fetching Node\.js 24/)
  assert.match(run.err, /does not run on this system \(it answered "v20\.1\.0"\)\. Install Node\.js 24/)
})
