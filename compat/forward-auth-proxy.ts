import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { accessSync, constants, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** Where the parts of a test listen on this machine's loopback address. */
export type Ports = { readonly latchkey: number; readonly app: number; readonly proxy: number }

/** Ports as they stand in the examples. */
const EXAMPLE_PORTS: Ports = { latchkey: 7512, app: 9000, proxy: 8080 }

/** A reverse proxy that has an example, and how to run it. */
export type ProxyProgram = {
  /** Also the name of the folder in `examples/forward-auth`. */
  readonly name: string
  readonly command: string
  /** The example passes DPoP proofs on, with what they must be for. */
  readonly passesProofs?: true
  /** Files of the example that it reads. */
  readonly files: readonly string[]
  /** Adds what makes the example run by itself, such as a frame around it; answers the arguments. */
  prepare(folder: string, ports: Ports): readonly string[]
  /** Makes the example listen on the loopback address only. */
  onLoopback(text: string): string
}

/** A running proxy. */
export type RunningProxy = {
  readonly url: string
  output(): string
  stop(): Promise<void>
}

/** Directories of programs for administrators, which are not on everybody's path. */
const MORE_DIRECTORIES = ['/usr/local/sbin', '/usr/sbin', '/sbin']

/** Full name of a program; undefined when this machine does not have it. */
export function findProgram(command: string): string | undefined {
  const directories = [...(process.env['PATH'] ?? '').split(delimiter), ...MORE_DIRECTORIES]
  return directories.map((directory) => join(directory, command)).find(isExecutable)
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Text of a file of an example. */
export function readExample(proxy: string, file: string): string {
  return readFileSync(new URL(`../examples/forward-auth/${proxy}/${file}`, import.meta.url), 'utf8')
}

/** A port of the loopback address that is free now. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(address !== null && typeof address === 'object' ? address.port : 0))
    })
  })
}

const START_TIMEOUT_MS = 60_000
const STOP_TIMEOUT_MS = 10_000
const POLL_MS = 50

/** A port that is free may be taken by somebody else a moment later. */
const TRIES = 3

/** Starts the real program with its example, of which only addresses are changed. */
export async function startProxy(
  proxy: ProxyProgram,
  program: string,
  upstreams: Omit<Ports, 'proxy'>,
): Promise<RunningProxy> {
  for (let tries = 1; ; tries++) {
    try {
      return await startOn(proxy, program, { ...upstreams, proxy: await freePort() })
    } catch (error) {
      if (tries === TRIES) throw error
    }
  }
}

async function startOn(proxy: ProxyProgram, program: string, ports: Ports): Promise<RunningProxy> {
  const folder = mkdtempSync(join(tmpdir(), `latchkey-${proxy.name}-`))
  for (const file of proxy.files) {
    writeFileSync(join(folder, file), withPorts(proxy.onLoopback(readExample(proxy.name, file)), ports))
  }
  const child = spawn(program, [...proxy.prepare(folder, ports)], {
    cwd: folder,
    env: { ...process.env, HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  const exited = new Promise<void>((resolve) =>
    child.once('exit', () => resolve()).once('error', () => resolve()),
  )
  const stop = async (): Promise<void> => {
    await end(child, exited)
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    await isReady(ports.proxy, child)
  } catch (error) {
    await stop()
    throw new Error(`Cannot start ${proxy.name}:\n${output}`, { cause: error })
  }
  return { url: `http://127.0.0.1:${ports.proxy}`, output: () => output, stop }
}

function withPorts(text: string, ports: Ports): string {
  const inTest = new Map([
    [EXAMPLE_PORTS.latchkey, ports.latchkey],
    [EXAMPLE_PORTS.app, ports.app],
    [EXAMPLE_PORTS.proxy, ports.proxy],
  ])
  return text.replaceAll(/\b(?:7512|9000|8080)\b/g, (port) => String(inTest.get(Number(port))))
}

/** Some listen before they have read where to send requests: so the application must have been reached. */
async function isReady(port: number, child: ChildProcess): Promise<void> {
  const giveUpAt = Date.now() + START_TIMEOUT_MS
  while (!(await reachesApplication(port))) {
    assert.ok(child.exitCode === null && child.signalCode === null, 'it ended')
    assert.ok(child.pid !== undefined, 'it could not be run')
    assert.ok(Date.now() < giveUpAt, 'it was not ready in time')
    await sleep(POLL_MS)
  }
}

async function reachesApplication(port: number): Promise<boolean> {
  const response = await fetch(`http://127.0.0.1:${port}/health`).catch(() => undefined)
  await response?.body?.cancel()
  return response?.status === 200
}

async function end(child: ChildProcess, exited: Promise<void>): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGTERM')
  const tooLong = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS)
  await exited
  clearTimeout(tooLong)
}
