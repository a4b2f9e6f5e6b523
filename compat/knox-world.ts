import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { ask, createAdmin, type RunningServer, startServer } from './running-server.ts'

/** Where keys are issued, below a topology. */
export const KEY = 'apikey/api/v1/auth/key'

/** How a topology finds out who asks: users of this server. */
export const OWN_USERS = `<provider>
            <role>authentication</role>
            <name>ShiroProvider</name>
            <enabled>true</enabled>
            <param><name>urls./**</name><value>authcBasic</value></param>
        </provider>`

/** How a topology finds out who asks: keys and JSON Web Tokens. */
export const TOKENS = `<provider>
            <role>federation</role>
            <name>JWTProvider</name>
            <enabled>true</enabled>
            <param><name>knox.token.exp.server-managed</name><value>true</value></param>
        </provider>`

/** One `<param>` for each member. */
export function params(values: Readonly<Record<string, string>>): string {
  return Object.entries(values)
    .map(([name, value]) => `<param><name>${name}</name><value>${value}</value></param>`)
    .join('')
}

/** A topology file of providers and services. */
export function topology(providers: string, services: string): string {
  return `<?xml version="1.0" encoding="utf-8"?>
<topology>
    <gateway>
        ${providers}
    </gateway>
    ${services}
</topology>
`
}

/** A service of a topology file. */
export function service(role: string, values: Readonly<Record<string, string>> = {}): string {
  return `<service><role>${role}</role>${params(values)}</service>`
}

/** One answer, as it is read off the wire. */
export type KnoxAnswer = {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  // biome-ignore lint/suspicious/noExplicitAny: answers of a foreign protocol are looked at member by member
  readonly json: any
}

export type KnoxAsking = {
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | URLSearchParams
}

/** A running server with topologies, an administrator, and the users of Knox's demonstration. */
export type KnoxWorld = {
  readonly server: RunningServer
  /** A session of the administrator. */
  readonly admin: string
  /** Folder of the topology files. */
  readonly folder: string
  /** Writes a topology file as editors do: all at once. */
  write(name: string, text: string): void
  /** `path`: below the gateway, such as `sandbox/apikey/api/v1/auth/key`. */
  ask(method: string, path: string, asking?: KnoxAsking): Promise<KnoxAnswer>
  /** Creates a user of this server whose password is `NAME-password`. */
  createUser(name: string): Promise<void>
  close(): Promise<void>
}

/** Starts a server with these topology files, by name with extension. */
export async function startKnox(
  files: Readonly<Record<string, string>>,
  environment: Readonly<Record<string, string>> = {},
): Promise<KnoxWorld> {
  const root = mkdtempSync(join(tmpdir(), 'latchkey-knox-'))
  const folder = join(root, 'topologies')
  mkdirSync(folder)
  const write = (name: string, text: string): void => {
    const draft = join(root, 'draft')
    writeFileSync(draft, text)
    renameSync(draft, join(folder, name))
  }
  for (const [name, text] of Object.entries(files)) write(name, text)
  const server = await startServer({ arguments: ['--knox-topologies', folder], environment })
  const admin = await createAdmin(server)
  const createUser = async (name: string): Promise<void> => {
    const content = { profileIds: ['default'] }
    const credentials = { local: { username: name, password: `${name}-password` } }
    const { status } = await ask(server, 'POST', `/users/${name}/_create`, {
      token: admin,
      body: { content, credentials },
    })
    if (status !== 200) throw new Error(`Cannot create the user ${name}: ${status}`)
  }
  for (const name of ['guest', 'sam', 'tom']) await createUser(name)
  return {
    server,
    admin,
    folder,
    write,
    createUser,
    ask: (method, path, asking) => askGateway(server, method, path, asking),
    close: async () => {
      await server.stop()
      server.discard()
      rmSync(root, { recursive: true, force: true })
    },
  }
}

/** One request to a topology. */
export async function askGateway(
  server: Pick<RunningServer, 'url'>,
  method: string,
  path: string,
  { headers = {}, body }: KnoxAsking = {},
): Promise<KnoxAnswer> {
  const response = await fetch(`${server.url}/gateway/${path}`, {
    method,
    headers,
    ...(body !== undefined && { body }),
  })
  const text = await response.text()
  const isJson = response.headers.get('content-type')?.startsWith('application/json') === true
  return {
    status: response.status,
    headers: response.headers,
    text,
    json: isJson && text !== '' ? JSON.parse(text) : undefined,
  }
}

/** The header of HTTP Basic; without a password that of `createUser`. */
export function basic(name: string, password = `${name}-password`): { readonly authorization: string } {
  return { authorization: `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}` }
}

export function bearer(token: string): { readonly authorization: string } {
  return { authorization: `Bearer ${token}` }
}

/** Waits until something holds, for at most half a minute. */
export async function until(what: string, holds: () => Promise<boolean> | boolean): Promise<void> {
  const deadline = Date.now() + 30_000
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`It never came: ${what}`)
    await sleep(25)
  }
}
