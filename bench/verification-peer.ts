/**
 * better-auth with its API-key plugin on SQLite, as its documentation sets it up, behind a small HTTP route:
 * `node verification-peer.ts FOLDER_WITH_ITS_PACKAGES KEYS TOKENS_FILE`. Writes the keys it issued to the file.
 *
 * Its own rate limit of ten uses a day is off, which saves it work; everything else is as it comes.
 */
import { writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { pathToFileURL } from 'node:url'

/** What of these packages is used here. */
type Auth = {
  readonly api: {
    signUpEmail(input: { body: object }): Promise<{ readonly user: { readonly id: string } }>
    createApiKey(input: { body: object }): Promise<{ readonly key: string }>
    verifyApiKey(input: { body: { readonly key: string } }): Promise<unknown>
  }
}
type Packages = {
  betterAuth(options: object): Auth
  getMigrations(options: object): Promise<{ runMigrations(): Promise<void> }>
  apiKey(options: object): unknown
}

const [folder = '', keys = '1', tokensFile = ''] = process.argv.slice(2)
const packageFile = (path: string): string => pathToFileURL(join(folder, 'node_modules', path)).href
const modules: readonly Partial<Packages>[] = await Promise.all([
  import(packageFile('better-auth/dist/index.mjs')),
  import(packageFile('better-auth/dist/db/get-migration.mjs')),
  import(packageFile('@better-auth/api-key/dist/index.mjs')),
])
const { betterAuth, getMigrations, apiKey } = Object.assign({}, ...modules) as Packages

const database = new DatabaseSync(join(folder, `peer-${process.pid}.db`))
database.exec('PRAGMA journal_mode = WAL')
const options = {
  database,
  secret: 'a secret of at least thirty-two characters',
  baseURL: 'http://127.0.0.1',
  emailAndPassword: { enabled: true },
  telemetry: { enabled: false },
  plugins: [apiKey({ rateLimit: { enabled: false } })],
}
await (await getMigrations(options)).runMigrations()
const auth = betterAuth(options)
const body = { name: 'melis', email: 'melis@example.com', password: 'a password for benchmarks' }
const { user } = await auth.api.signUpEmail({ body })
const tokens: string[] = []
for (let count = 0; count < Number(keys); count++) {
  tokens.push((await auth.api.createApiKey({ body: { name: 'device in the field', userId: user.id } })).key)
}
writeFileSync(tokensFile, JSON.stringify(tokens))

async function readJson(request: IncomingMessage): Promise<{ readonly key: string }> {
  let text = ''
  for await (const chunk of request) text += chunk
  return JSON.parse(text)
}

const server = createServer(async (request, response) => {
  const { key } = await readJson(request)
  const verdict = JSON.stringify(await auth.api.verifyApiKey({ body: { key } }))
  response.writeHead(verdict.includes('"valid":true') ? 200 : 500, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(verdict),
  })
  response.end(verdict)
})
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  const port = address !== null && typeof address === 'object' ? address.port : 0
  process.stdout.write(`peer listening on http://127.0.0.1:${port}\n`)
})
process.once('SIGTERM', () => process.exit(0))
