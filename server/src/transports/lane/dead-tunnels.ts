import { lstat, readdir, rmdir, unlink } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'

/** Name of the socket in the folder of a tunnel. */
export const TUNNEL_SOCKET = 'tunnel.sock'

/** How the folder of a tunnel begins that this process opens; six characters of chance follow. */
export function tunnelPrefix(pid: number): string {
  return `latchkey-${pid}-`
}

/** Folders that are looked at in one go: far more than were ever left behind between two starts. */
const FOLDERS_MAX = 100

/**
 * Removes the folders of tunnels that processes of this user left in `parent` when they were killed. Never fails: what
 * cannot be removed stays.
 */
export async function removeDeadTunnels(parent: string): Promise<void> {
  const names = await readdir(parent).catch(() => [])
  for (const name of names.filter((each) => FOLDER.test(each)).slice(0, FOLDERS_MAX)) {
    const folder = join(parent, name)
    try {
      if (!(await isDead(folder, Number(FOLDER.exec(name)?.[1])))) continue
      // Nothing but what a tunnel makes: should there be more, the folder is kept.
      await unlink(join(folder, TUNNEL_SOCKET))
      await rmdir(folder)
    } catch {}
  }
}

const FOLDER = /^latchkey-([1-9]\d{0,9})-[A-Za-z0-9]{6}$/

/**
 * Whether the process that opened it is gone: its number is nobody's, or ours by now, and nobody listens. The number alone
 * says nothing where containers share a folder, or begin to count anew.
 */
async function isDead(folder: string, pid: number): Promise<boolean> {
  const [state, socket] = await Promise.all([lstat(folder), lstat(join(folder, TUNNEL_SOCKET))])
  const uid = process.getuid?.()
  if (uid === undefined || state.uid !== uid || !state.isDirectory() || !socket.isSocket()) return false
  return (pid === process.pid || !isRunning(pid)) && (await refusesConnections(join(folder, TUNNEL_SOCKET)))
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // EPERM: it runs, for somebody else.
    return !(error instanceof Error && 'code' in error && error.code === 'ESRCH')
  }
}

function refusesConnections(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path, () => {
      socket.destroy()
      resolve(false)
    })
    socket.once('error', (error) => resolve('code' in error && error.code === 'ECONNREFUSED'))
  })
}
