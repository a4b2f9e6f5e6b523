import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { removeDeadTunnels, TUNNEL_SOCKET, tunnelPrefix } from './dead-tunnels.ts'

/** Opens a tunnel and says so. */
const OPEN_TUNNEL = `
  import { openTunnelEnd } from ${JSON.stringify(new URL('./tunnel.ts', import.meta.url).href)}
  await openTunnelEnd(() => {})
  console.log('open')
`

function openParent(t: TestContext): string {
  const parent = mkdtempSync(join(tmpdir(), 'latchkey-dead-'))
  t.after(() => rmSync(parent, { recursive: true, force: true }))
  return parent
}

/** Another process with a tunnel whose folder is in `parent`. */
async function openOther(t: TestContext, parent: string) {
  const flags = ['--disable-warning=ExperimentalWarning', '--input-type=module', '--eval', OPEN_TUNNEL]
  const other = spawn(process.execPath, flags, {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { TMPDIR: parent },
  })
  const ended = once(other, 'exit')
  const kill = async (): Promise<number> => {
    other.kill('SIGKILL')
    await ended
    assert.ok(other.pid !== undefined)
    return other.pid
  }
  t.after(kill)
  await once(other.stdout, 'data')
  return { kill }
}

test('the tunnel of a process that was killed is removed, that of one that runs is not', async (t) => {
  const parent = openParent(t)
  const { kill } = await openOther(t, parent)
  await removeDeadTunnels(parent)
  assert.equal(readdirSync(parent).length, 1)
  await kill()
  assert.equal(readdirSync(parent).length, 1, 'it was left behind')
  await removeDeadTunnels(parent)
  assert.deepEqual(readdirSync(parent), [])
})

test('the next process that opens a tunnel removes it', async (t) => {
  const parent = openParent(t)
  const pid = await (await openOther(t, parent)).kill()
  await openOther(t, parent)
  const left = readdirSync(parent)
  assert.equal(left.length, 1)
  assert.ok(!left[0]?.startsWith(tunnelPrefix(pid)))
})

test('nothing else is touched, whatever it is called', async (t) => {
  const parent = openParent(t)
  const pid = await (await openOther(t, parent)).kill()
  const [dead = ''] = readdirSync(parent)
  writeFileSync(join(parent, dead, 'of-somebody'), 'kept')
  symlinkSync(join(parent, dead), join(parent, `${tunnelPrefix(pid)}linked`))
  mkdirSync(join(parent, `${tunnelPrefix(pid)}empty1`))
  mkdirSync(join(parent, `${tunnelPrefix(pid)}file01`))
  writeFileSync(join(parent, `${tunnelPrefix(pid)}file01`, TUNNEL_SOCKET), 'no socket')
  writeFileSync(join(parent, `${tunnelPrefix(pid)}nofold`), '')
  mkdirSync(join(parent, 'latchkey-data'))
  const before = readdirSync(parent)
  await removeDeadTunnels(parent)
  assert.deepEqual(readdirSync(parent), before)
  assert.deepEqual(readdirSync(join(parent, dead)), ['of-somebody'])
  await removeDeadTunnels(join(parent, 'none'))
})
