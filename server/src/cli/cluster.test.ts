import assert from 'node:assert/strict'
import { closeSync, existsSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { ClusterStatus } from '../application/cluster-status.ts'
import { printSpan, printStatus } from './cluster.ts'
import { runProgram } from './testing/run-program.ts'

const run = (...args: readonly string[]) => runProgram(['cluster', ...args])

test('says of a store of one machine that it is one, who has it open where that is known, and changes nothing', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-cluster-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'x.db')
  const missing = await run('status', '--storage', `sqlite:${path}`)
  assert.equal(missing.code, 0)
  assert.match(missing.out, /x\.db: there is no such file\nIt is a store of one machine/)
  assert.equal(existsSync(path), false)

  writeFileSync(path, '')
  assert.match((await run('status', `--storage=sqlite:${path}`)).out, /no process|cannot be told here/)
  const file = openSync(path, 'r')
  t.after(() => closeSync(file))
  const status = JSON.parse((await run('status', '--json', '--storage', `sqlite:${path}`)).out)
  assert.deepEqual([status.kind, status.exists], ['one machine', true])
})

test('needs to be told what about the cluster', async () => {
  for (const args of [[], ['health'], ['--json']]) {
    const { code, err } = await run(...args)
    assert.equal(code, 2)
    assert.match(err, /latchkey cluster status/)
  }
})

test('fails with a reason where the store cannot be asked', async () => {
  const { code, err } = await run('status', '--storage', 'postgres://u:hidden-password@127.0.0.1:1/d')
  assert.equal(code, 1)
  assert.match(err, /Cannot use the PostgreSQL store/)
  assert.doesNotMatch(err, /hidden-password/)
})

const NODE = {
  id: '1',
  name: 'one',
  version: '1.2.3',
  schemaVersion: 7,
  address: 'http://a',
  threads: 1,
  state: 'ready',
  clockAheadMs: 0,
  startedAt: 0,
  heartbeatAt: 7_199_000,
  isStale: false,
} as const

test('prints a table with a line for each node, which no name of a node can disturb', () => {
  const status: ClusterStatus = {
    kind: 'nodes',
    storage: 'postgres://x/y',
    at: 7_200_000,
    nodes: [
      { ...NODE, feedSilentMs: 12, heardSequence: 5, clockAheadMs: -3_600_000 },
      { ...NODE, name: 'dead\u001b[2J\nnode', isStale: true, clockAheadMs: 2_500 },
    ],
  }
  const [head, one, other, ...rest] = printStatus(status).split('\n')
  assert.match(head ?? '', /^NAME +VERSION +SCHEMA +STATE +THREADS +UP +HEARTBEAT +FEED +CLOCK +ADDRESS$/)
  assert.match(one ?? '', /^one +1\.2\.3 +7 +ready +1 +2h +1s ago +12ms +\+1h +http:\/\/a$/)
  assert.match(other ?? '', /^dead\?\[2J\?node +1\.2\.3 +7 +stale +1 +2h +1s ago +- +-2s +http:\/\/a$/)
  assert.deepEqual(rest, [''])
})

test('says lengths of time in their largest unit', () => {
  const spans = [
    0,
    999,
    1_000,
    59_999,
    60_000,
    3_600_000,
    86_400_000,
    400_000_000,
    -5,
    Number.POSITIVE_INFINITY,
  ]
  assert.deepEqual(spans.map(printSpan), [
    '0ms',
    '999ms',
    '1s',
    '59s',
    '1m',
    '1h',
    '1d',
    '4d',
    '0ms',
    'never',
  ])
})
