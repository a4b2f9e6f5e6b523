import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ENVIRONMENT, testStorage } from './test-storage.ts'

const START_TIMEOUT_MS = 30_000
const STOP_TIMEOUT_MS = 12_000
const MAIN = new URL('../server/src/main.ts', import.meta.url).pathname

/** A real Latchkey process on a free loopback port, with its own data directory. */
export type RunningServer = {
  readonly url: string
  readonly host: string
  readonly port: number
  /** Port of the MQTT listener, when it was switched on. */
  readonly mqttPort: number
  readonly dataDir: string
  /** Everything the process has printed so far, both streams. */
  output(): string
  /** Ends the process with a signal and answers its exit code; null when the signal killed it. */
  stop(signal?: NodeJS.Signals): Promise<number | null>
  /** Removes the data directory. */
  discard(): void
}

/** Settings that tests need: many logins in a short time from one address. */
const TEST_SETTINGS = {
  LATCHKEY_LIMITS_LOGINS_PER_SECOND: '1000',
  LATCHKEY_LIMITS_LOGINS_PER_SECOND_PER_ADDRESS: '1000',
}

/**
 * Starts the program as an operator would and waits until it says that it listens.
 *
 * `environment` adds settings; `dataDir` reuses the data of an earlier run. It uses the store that `testStorage` names,
 * unless `arguments` name one.
 */
export async function startServer(
  options: {
    readonly arguments?: readonly string[]
    readonly environment?: Readonly<Record<string, string>>
    readonly dataDir?: string
  } = {},
): Promise<RunningServer> {
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'latchkey-compat-'))
  const storage = options.arguments?.includes('--storage') ? undefined : await testStorage(dataDir)
  const child = spawn(
    process.execPath,
    [
      '--disable-warning=ExperimentalWarning',
      MAIN,
      '--port',
      '0',
      '--data-dir',
      dataDir,
      ...(storage === undefined ? [] : ['--storage', storage]),
      ...(options.arguments ?? []),
    ],
    { env: { ...ENVIRONMENT, ...TEST_SETTINGS, ...options.environment }, stdio: ['ignore', 'pipe', 'pipe'] },
  )
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output += text
  })
  const url = await listeningUrl(child, () => output)
  return {
    url,
    host: new URL(url).hostname,
    port: Number(new URL(url).port),
    mqttPort: Number(/listening on mqtt:\/\/[^:\s]+:(\d+)/.exec(output)?.[1] ?? 0),
    dataDir,
    output: () => output,
    stop: (signal = 'SIGTERM') => stopProcess(child, signal),
    discard: () => rmSync(dataDir, { recursive: true, force: true }),
  }
}

function listeningUrl(child: ChildProcess, output: () => string): Promise<string> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => fail('did not listen in time'), START_TIMEOUT_MS)
    const fail = (why: string): void => {
      clearTimeout(timer)
      child.kill('SIGKILL')
      reject(new Error(`Cannot start the server: it ${why}.\n${output()}`))
    }
    const exited = (code: number | null): void => fail(`exited with ${code}`)
    const look = (): void => {
      const url = /latchkey listening on (https?:\/\/[^\s"]+)/.exec(output())?.[1]
      if (url === undefined) return
      clearTimeout(timer)
      child.off('exit', exited)
      child.stdout?.off('data', look)
      resolve(url)
    }
    child.once('exit', exited)
    child.stdout?.on('data', look)
  })
}

function stopProcess(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  return new Promise((resolve, reject) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve(child.exitCode)
    const timer = setTimeout(() => {
      child.kill('SIGKILL')
      reject(new Error(`The server still ran ${STOP_TIMEOUT_MS} ms after ${signal}`))
    }, STOP_TIMEOUT_MS)
    child.once('exit', (code) => {
      clearTimeout(timer)
      resolve(code)
    })
    child.kill(signal)
  })
}

/** One JSON answer over plain HTTP. */
export type Answer = {
  readonly status: number
  readonly headers: Headers
  // biome-ignore lint/suspicious/noExplicitAny: answers of a foreign protocol are looked at member by member
  readonly body: any
}

/** Sends one HTTP request as curl would and reads the JSON answer. */
export async function ask(
  server: { readonly url: string },
  method: string,
  path: string,
  options: {
    readonly token?: string
    readonly body?: unknown
    readonly headers?: Readonly<Record<string, string>>
  } = {},
): Promise<Answer> {
  const response = await fetch(`${server.url}${path}`, {
    method,
    headers: {
      ...(options.body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(options.token === undefined ? {} : { authorization: `Bearer ${options.token}` }),
      ...options.headers,
    },
    ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
  })
  return { status: response.status, headers: response.headers, body: await response.json() }
}

/** Name and password of the administrator that `createAdmin` makes. */
export const ADMIN = { username: 'admin', password: 'correct horse battery staple' }

/** Creates the first administrator and answers a session token of it. */
export async function createAdmin(server: { readonly url: string }): Promise<string> {
  await ask(server, 'POST', '/_createFirstAdmin/admin', {
    body: { content: {}, credentials: { local: ADMIN } },
  })
  const login = await ask(server, 'POST', '/_login/local', { body: ADMIN })
  return login.body.result.jwt
}
