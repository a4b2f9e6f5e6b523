// Makes a checkout ready to run: installs packages when they are missing or not those of package-lock.json, and sees
// to it that node_modules/.bin/node is the Node.js version that package.json asks for. Runs before `npm start`,
// `npm test`, `npm run check` and `npm run bench`; does nothing, quickly, when nothing is to be done.
//
// Plain JavaScript without packages, because it runs before there are any, on whatever Node.js (18 or later) npm uses.
// An argument names another checkout than the one this file is in.

import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { accessSync, constants, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const NODE_MAJOR = 24
const LOCK_WAIT_MS = 10 * 60_000
const LOCK_POLL_MS = 250

const root = process.argv[2] ?? fileURLToPath(new URL('..', import.meta.url))
const modules = join(root, 'node_modules')
const runtime = join(modules, '.bin', process.platform === 'win32' ? 'node.cmd' : 'node')

/** Something that only a person can mend; the message says how. */
class BootstrapFailure extends Error {}

if (!isReady()) {
  try {
    prepareAlone()
  } catch (error) {
    if (!(error instanceof BootstrapFailure)) throw error
    say(error.message)
    process.exitCode = 1
  }
}

function prepareAlone() {
  const name = createHash('sha256').update(root).digest('hex').slice(0, 16)
  const unlock = takeLock(join(tmpdir(), `latchkey-bootstrap-${name}.lock`))
  try {
    // Another bootstrap may have done the work while this one waited.
    if (!isReady()) prepare()
  } finally {
    unlock()
  }
}

function isReady() {
  return hasPackages() && hasRuntime()
}

/**
 * Whether what is installed is what package-lock.json lists; optional packages may be for other systems.
 *
 * npm writes its own list last, so that without it an installation was interrupted; what it lists is not believed,
 * because npm also writes it when it only updates the lock file.
 */
function hasPackages() {
  if (!existsSync(join(modules, '.package-lock.json'))) return false
  const wanted = readJson(join(root, 'package-lock.json'))?.packages ?? {}
  return Object.entries(wanted).every(([path, { version, optional, devOptional, peer, link }]) => {
    if (!path.startsWith('node_modules/')) return true
    const installed = readJson(join(root, path, 'package.json'))
    if (installed === undefined) return Boolean(optional || devOptional || peer)
    return link || installed.version === version
  })
}

function readJson(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    return undefined
  }
}

function hasRuntime() {
  try {
    accessSync(runtime, constants.X_OK)
    return true
  } catch {
    return false
  }
}

function prepare() {
  if (!hasPackages()) {
    say('installing packages; this happens once and after updates')
    // Not `npm ci`: it refuses a lock file that was made where a registry lacks packages for other systems, and it
    // deletes what running programs use. `--no-save` keeps the lock file as it is, and what was installed is compared
    // with it below. The runtime is a development dependency, which NODE_ENV=production would leave out.
    npm(
      ['install', '--no-save', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'],
      'install packages',
    )
    if (!hasPackages())
      fail('npm installed other packages than package-lock.json lists. Try again with: npm ci')
  }
  if (!hasRuntime()) repairRuntime()
  const version = spawnSync(runtime, ['--version'], { encoding: 'utf8' }).stdout?.trim() ?? ''
  if (Number(/^v(\d+)\./.exec(version)?.[1] ?? 0) >= NODE_MAJOR) return
  fail(
    `Node.js ${NODE_MAJOR} from node_modules does not run on this system (it answered "${version}"). ` +
      `Install Node.js ${NODE_MAJOR} or later and start the program with it: node server/src/main.ts`,
  )
}

/** Puts the runtime where npm left it out because install scripts are switched off or blocked. */
function repairRuntime() {
  say(`fetching Node.js ${NODE_MAJOR}, because the install script of the package "node" did not run`)
  const home = join(modules, 'node')
  const script = spawnSync(process.execPath, ['installArchSpecificPackage.js'], {
    cwd: home,
    stdio: ['ignore', 2, 2],
    env: { ...process.env, npm_config_ignore_scripts: 'false' },
  })
  if (script.status === 0 && !hasRuntime()) npm(['rebuild', 'node', '--ignore-scripts'], 'link Node.js')
  if (hasRuntime()) return
  fail(
    `Node.js ${NODE_MAJOR} could not be fetched from the npm registry. Allow the install script of the package "node", ` +
      `then run: npm rebuild node`,
  )
}

function npm(args, purpose) {
  // The npm that runs this script, when one does; else the one on the path.
  const script = process.env.npm_execpath
  const [command, first] = script?.endsWith('.js') ? [process.execPath, [script]] : ['npm', []]
  const run = spawnSync(command, [...first, ...args], {
    cwd: root,
    // What npm prints belongs to the log, not to the output of the program that starts next.
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32' && command === 'npm',
  })
  if (run.status === 0) return
  const why = run.error?.message ?? `npm ended with ${run.status ?? run.signal}`
  fail(`Cannot ${purpose}: ${why}. Its messages are above; try again with: npm ${args.join(' ')}`)
}

/** Takes the lock of this checkout, waiting while another live process holds it; answers how to give it back. */
function takeLock(path) {
  const giveUpAt = Date.now() + LOCK_WAIT_MS
  let told = false
  for (;;) {
    try {
      writeFileSync(path, String(process.pid), { flag: 'wx', mode: 0o600 })
      return () => rmSync(path, { force: true })
    } catch (error) {
      if (error.code !== 'EEXIST') fail(`Cannot create ${path}: ${error.message}`)
    }
    if (!holderLives(path)) rmSync(path, { force: true })
    else if (Date.now() > giveUpAt)
      fail(`Another bootstrap still holds ${path}; remove it when none is running`)
    else {
      if (!told) say('waiting for another bootstrap of this checkout')
      told = true
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LOCK_POLL_MS)
    }
  }
}

function holderLives(path) {
  try {
    const pid = Number(readFileSync(path, 'utf8'))
    // A lock that is just being written is still empty.
    if (!pid) return true
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}

function say(text) {
  process.stderr.write(`latchkey bootstrap: ${text}\n`)
}

function fail(text) {
  throw new BootstrapFailure(text)
}
