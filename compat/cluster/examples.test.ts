import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { isMap, parseAllDocuments } from 'yaml'
import { COMMANDS } from '../../server/src/cli/commands.ts'
import { readSettings } from '../../server/src/settings/read-settings.ts'
import { postgresIsMissing } from '../../server/src/storage/postgres/testing/postgres-server.ts'
import { findProgram } from '../forward-auth-proxy.ts'
import { askNative } from '../native-client.ts'
import { type Cluster, startCluster, until } from './cluster.ts'

const FOLDER = fileURLToPath(new URL('../../examples/cluster/', import.meta.url))

/** What git and docker shall not see. */
const IGNORED = ['.gitignore', 'Dockerfile.dockerignore']

const read = (file: string): string => readFileSync(join(FOLDER, file), 'utf8')

// biome-ignore lint/suspicious/noExplicitAny: documents of foreign formats are looked at member by member
type Document = any

/** The documents of a YAML file, which must be without a single doubt. */
function documentsOf(file: string): readonly Document[] {
  return parseAllDocuments(read(file), { merge: true, strict: true, uniqueKeys: true }).map((document) => {
    assert.deepEqual([...document.errors, ...document.warnings], [], file)
    assert.ok(isMap(document.contents), file)
    return document.toJS()
  })
}

/** The program takes these settings: their names are known and their values good. */
function assertSettings(environment: Readonly<Record<string, string>>, flags: readonly string[]): void {
  for (const [name, value] of Object.entries(environment)) assert.equal(typeof value, 'string', name)
  const readFile = () => assert.fail('no file is named')
  readSettings({ flags, environment, readFile })
}

describe('the examples of a cluster', () => {
  test('every file is explained', () => {
    const files = globSync('**/*.*', { cwd: FOLDER }).filter((file) => file !== 'README.md')
    for (const file of files) {
      assert.ok(read('README.md').includes(`(${file})`) || IGNORED.includes(file), file)
    }
    for (const [, file] of read('README.md').matchAll(/\]\(([\w./-]+)\)/g)) {
      assert.equal(globSync(String(file), { cwd: FOLDER }).length, 1, file)
    }
  })

  test('docker compose starts three nodes with good settings on one store, behind nginx', () => {
    const [{ services, secrets, networks, volumes }] = documentsOf('compose.yaml')
    const nodes = Object.keys(services).filter((name) => name.startsWith('node-'))
    assert.deepEqual(nodes, ['node-1', 'node-2', 'node-3'])
    for (const name of nodes) {
      const node = services[name]
      assert.equal(node.environment.LATCHKEY_CLUSTER_NODE_NAME, name)
      const [shell, flag, script, zero] = node.entrypoint
      assert.deepEqual([shell, flag, zero], ['/bin/sh', '-c', 'latchkey'])
      const [, storage] = /^export LATCHKEY_STORAGE="(.*)"$/m.exec(script) ?? []
      assert.match(
        storage ?? '',
        /^postgres:\/\/latchkey:\$\$\(cat \/run\/secrets\/postgres-password\)@postgres:5432\/latchkey$/,
      )
      assert.match(script, /^exec latchkey "\$\$@"$/m)
      assertSettings({ ...node.environment, LATCHKEY_STORAGE: 'postgres://u:p@postgres/latchkey' }, [])
      assert.ok(networks.inside.ipam.config[0].subnet === node.environment.LATCHKEY_HTTP_TRUSTED_PROXIES)
      assert.deepEqual([node.build.context, node.build.dockerfile], ['../..', 'examples/cluster/Dockerfile'])
      assert.match(
        read('nginx/latchkey.conf'),
        new RegExp(`server ${name}:${node.environment.LATCHKEY_PORT} `),
      )
      assert.equal(services.nginx.depends_on[name].condition, 'service_healthy')
    }
    const used = Object.values<Document>(services)
    for (const { secrets: names = [] } of used) for (const name of names) assert.ok(name in secrets, name)
    assert.ok('postgres' in volumes)
    assert.deepEqual(services.nginx.volumes, ['./nginx/latchkey.conf:/etc/nginx/conf.d/default.conf:ro'])
    assert.match(read('nginx/latchkey.conf'), /listen 8080;/)
    assert.deepEqual(services.nginx.ports, ['127.0.0.1:7512:8080'])
    // The health check is JavaScript inside YAML.
    const [, , , code] = services['node-1'].healthcheck.test
    assert.doesNotThrow(() => new Function(code))
  })

  test('the unit of systemd runs a command there is, with good settings, and gives it time to drain', () => {
    const unit = sectionsOf(read('systemd/latchkey.service'))
    const service = unit.get('Service') ?? new Map()
    const [program, command, ...flags] = String(service.get('ExecStart'))
      .replaceAll('%H', 'host-1')
      .split(' ')
    assert.equal(program, '/usr/local/bin/latchkey')
    assert.ok(COMMANDS.some(({ name }) => name === command))
    const lines = read('systemd/latchkey.env')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
    const environment = Object.fromEntries(
      lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
    )
    assertSettings(environment, flags)
    const settings = readSettings({ flags, environment, readFile: () => '' })
    assert.ok(Number(service.get('TimeoutStopSec')) * 1_000 >= settings['server.drainDelay'] + 10_000)
    assert.equal(service.get('KillSignal'), 'SIGTERM')
    assert.equal(unit.get('Install')?.get('WantedBy'), 'multi-user.target')
  })

  test('Kubernetes runs three nodes with good settings, takes the store from a secret, and gives them time to drain', () => {
    const [deployment, service, budget, ...others] = documentsOf('kubernetes/latchkey.yaml')
    assert.deepEqual(others, [])
    assert.deepEqual(
      [deployment, service, budget].map(({ kind, apiVersion }) => `${apiVersion} ${kind}`),
      ['apps/v1 Deployment', 'v1 Service', 'policy/v1 PodDisruptionBudget'],
    )
    const { spec } = deployment.spec.template
    const [container] = spec.containers
    const variables: readonly Document[] = container.env
    const storage = variables.find(({ name }) => name === 'LATCHKEY_STORAGE')
    assert.deepEqual(storage.valueFrom.secretKeyRef, { name: 'latchkey-storage', key: 'url' })
    assert.doesNotMatch(read('kubernetes/latchkey.yaml'), /postgres:\/\//)
    const [command, ...flags] = container.args
    assert.ok(COMMANDS.some(({ name }) => name === command))
    const environment = Object.fromEntries(
      variables.map(({ name, value, valueFrom }) => [
        name,
        value ?? (valueFrom.secretKeyRef === undefined ? 'pod-1' : 'postgres://u@h/d'),
      ]),
    )
    assertSettings(environment, flags)
    const settings = readSettings({ flags, environment, readFile: () => '' })
    assert.ok(spec.terminationGracePeriodSeconds * 1_000 >= settings['server.drainDelay'] + 10_000)
    // Otherwise the Service adds LATCHKEY_PORT and others, in a meaning of its own.
    assert.equal(spec.enableServiceLinks, false)
    assert.equal(container.ports[0].containerPort, settings['server.port'])
    assert.equal(container.readinessProbe.httpGet.path, '/readyz')
    assert.equal(container.livenessProbe.httpGet.path, '/livez')
    const labels = deployment.spec.template.metadata.labels
    for (const selector of [
      deployment.spec.selector.matchLabels,
      service.spec.selector,
      budget.spec.selector.matchLabels,
    ])
      assert.deepEqual(selector, labels)
    assert.ok(budget.spec.minAvailable < deployment.spec.replicas)
    assert.equal(container.securityContext.readOnlyRootFilesystem, true)
  })
})

/** Sections and assignments of a unit file; the last assignment of a name counts. */
function sectionsOf(text: string): ReadonlyMap<string, ReadonlyMap<string, string>> {
  const sections = new Map<string, Map<string, string>>()
  let section: Map<string, string> | undefined
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue
    const [, name] = /^\[(\w+)\]$/.exec(line) ?? []
    const [, key, value] = /^(\w+)=(.*)$/.exec(line) ?? []
    if (name !== undefined) {
      section = new Map()
      sections.set(name, section)
    } else if (key !== undefined && value !== undefined && section !== undefined) section.set(key, value)
    else assert.fail(`not a line of a unit: ${line}`)
  }
  return sections
}

const NGINX = findProgram('nginx')
const MISSING = postgresIsMissing() || (NGINX === undefined && 'nginx is not installed')

describe('the nginx of the example, before three nodes', { skip: MISSING }, () => {
  let cluster: Cluster
  let nginx: Nginx
  before(async () => {
    cluster = await startCluster()
    nginx = await startNginx(cluster.nodes.map(({ server }) => server.port))
  })
  after(async () => {
    await nginx?.stop()
    await cluster?.close()
  })

  test('nobody notices that a node drains, is killed or comes back, and every change holds on all', {
    timeout: 240_000,
  }, async () => {
    const { admin, nodes } = cluster
    const issued = await askNative(nginx, 'POST', '/v1/keys', { token: admin, body: {} })
    assert.equal(issued.status, 201)
    const { key, id } = issued.body
    const statuses = new Map<number, number>()
    const load = { isOver: false }
    const clients = Array.from({ length: 4 }, async (_, client) => {
      while (!load.isOver) {
        const { status } =
          client % 2 === 0
            ? await askNative(nginx, 'GET', '/v1/authorize', { token: key })
            : await askNative(nginx, 'POST', '/v1/verify', { token: admin, body: { key } })
        statuses.set(status, (statuses.get(status) ?? 0) + 1)
      }
    })
    const answered = (): number => [...statuses.values()].reduce((sum, count) => sum + count, 0)
    const more = async (): Promise<void> => {
      const wanted = answered() + 100
      await until(async () => answered() >= wanted, true)
    }
    await more()
    assert.equal(await nodes[0]?.server.stop('SIGTERM'), 0)
    await more()
    await nodes[1]?.server.stop('SIGKILL')
    await more()
    load.isOver = true
    await Promise.all(clients)
    assert.deepEqual([...statuses.keys()], [200], JSON.stringify([...statuses]))

    const address = await askNative(nginx, 'GET', '/metrics')
    assert.equal(address.status, 404)
    await cluster.addNode()
    assert.equal((await askNative(nginx, 'DELETE', `/v1/keys/${id}`, { token: admin })).status, 204)
    for (const { server } of nodes.slice(2)) {
      await until(async () => (await askNative(server, 'GET', '/v1/authorize', { token: key })).status, 401)
    }
  })
})

type Nginx = { readonly url: string; stop(): Promise<void> }

/** A port that is free may be taken by somebody else a moment later. */
const TRIES = 3

/** Starts nginx with the example, of which only addresses are changed. */
async function startNginx(nodePorts: readonly number[]): Promise<Nginx> {
  for (let tries = 1; ; tries++) {
    try {
      return await startNginxOn(await freePort(), nodePorts)
    } catch (error) {
      if (tries === TRIES) throw error
    }
  }
}

async function startNginxOn(port: number, nodePorts: readonly number[]): Promise<Nginx> {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-nginx-'))
  const config = nodePorts.reduce(
    (text, nodePort, index) => text.replace(`node-${index + 1}:7512`, `127.0.0.1:${nodePort}`),
    read('nginx/latchkey.conf').replace('listen 8080;', `listen 127.0.0.1:${port};`),
  )
  writeFileSync(join(folder, 'latchkey.conf'), config)
  const places = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${join(folder, name)};`,
  )
  const frame = [
    // Workers of an nginx that root starts change to a user who may not enter the folder of this test.
    ...(process.getuid?.() === 0 ? ['user root;'] : []),
    'daemon off;',
    'worker_processes 1;',
    `pid ${join(folder, 'nginx.pid')};`,
    'error_log stderr;',
    'events {}',
    `http { access_log off; ${places.join(' ')} include ${join(folder, 'latchkey.conf')}; }`,
  ]
  writeFileSync(join(folder, 'nginx.conf'), frame.join('\n'))
  const child = spawn(NGINX ?? 'nginx', ['-p', folder, '-e', 'stderr', '-c', join(folder, 'nginx.conf')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let output = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output += text
  })
  const exited = once(child, 'exit')
  const url = `http://127.0.0.1:${port}`
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM')
    await exited
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    await until(async () => {
      assert.equal(child.exitCode, null, output)
      return (await fetch(`${url}/livez`).catch(() => undefined))?.status
    }, 200)
  } catch (error) {
    await stop()
    throw error
  }
  return { url, stop }
}

/** A port of the loopback address that is free now. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return address !== null && typeof address === 'object' ? address.port : 0
}
