import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { until } from './knox-world.ts'

/** Debian keeps daemons where not every user's PATH leads. */
const ENVIRONMENT = { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin` }

/** Why no directory can be started here; undefined: one can. */
export function whyNoDirectory(): string | undefined {
  const { error } = spawnSync('slapd', ['-VV'], { env: ENVIRONMENT })
  return error === undefined ? undefined : 'slapd is not installed (Debian package slapd)'
}

/** A real LDAP server on a loopback port, with the people of Knox's demonstration. */
export type LdapServer = {
  readonly url: string
  /** The people of the demonstration, by this template of a distinguished name. */
  readonly userDnTemplate: string
  stop(): Promise<void>
  start(): Promise<void>
  /** Stops it and removes its data. */
  discard(): Promise<void>
}

const BASE = 'dc=hadoop,dc=apache,dc=org'

/** Starts a directory whose people have the password `NAME-password`. */
export async function startDirectory(people: readonly string[]): Promise<LdapServer> {
  const root = mkdtempSync(join(tmpdir(), 'latchkey-ldap-'))
  const configuration = join(root, 'slapd.conf')
  const ldif = join(root, 'people.ldif')
  mkdirSync(join(root, 'data'))
  writeFileSync(configuration, configurationIn(root))
  writeFileSync(ldif, [organisation(), ...people.map(person)].join('\n'))
  execFileSync('slapadd', ['-f', configuration, '-l', ldif], { env: ENVIRONMENT })
  const port = await freePort()
  const url = `ldap://127.0.0.1:${port}`
  let running: ChildProcess | undefined
  const start = async (): Promise<void> => {
    running = spawn('slapd', ['-d', '0', '-h', url, '-f', configuration], {
      env: ENVIRONMENT,
      stdio: 'ignore',
    })
    await until('an answering directory', () => isListening(port))
  }
  const stop = async (): Promise<void> => {
    const child = running
    running = undefined
    if (child === undefined) return
    const ended = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGTERM')
    await ended
  }
  await start()
  return {
    url,
    userDnTemplate: `uid={0},ou=people,${BASE}`,
    start,
    stop,
    discard: async () => {
      await stop()
      rmSync(root, { recursive: true, force: true })
    },
  }
}

function configurationIn(root: string): string {
  return `include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile ${root}/slapd.pid
database mdb
suffix "${BASE}"
directory ${root}/data
access to attrs=userPassword by anonymous auth by * none
access to * by * read
`
}

function organisation(): string {
  return `dn: ${BASE}
objectClass: organization
objectClass: dcObject
o: Hadoop
dc: hadoop

dn: ou=people,${BASE}
objectClass: organizationalUnit
ou: people
`
}

function person(name: string): string {
  return `dn: uid=${name.replaceAll(',', '\\,')},ou=people,${BASE}
objectClass: inetOrgPerson
uid: ${name}
cn: ${name}
sn: ${name}
userPassword: ${name}-password
`
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      const port = typeof address === 'object' && address !== null ? address.port : 0
      server.close(() => resolve(port))
    })
  })
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port })
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
