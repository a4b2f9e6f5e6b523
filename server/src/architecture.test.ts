import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { dirname, join, normalize, sep } from 'node:path'
import { describe, test } from 'node:test'

/**
 * Parts of the server, by first folder; files directly in `src` are the parts `main` and `application`.
 * Who may import whom, `import type` included. What a part does not list, it may not import.
 */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  query: [],
  core: ['query'],
  transports: [],
  settings: [],
  system: ['core'],
  storage: ['core', 'query'],
  imports: ['core'],
  apis: ['core', 'query', 'transports'],
  application: ['apis', 'core', 'imports', 'query', 'settings', 'storage', 'system', 'transports'],
  cli: ['application', 'settings'],
  main: ['cli'],
}

/** Packages of others, by the part that may lean on them. */
const MAY_USE_PACKAGES: Readonly<Record<string, readonly string[]>> = {
  query: [],
  core: [],
  transports: ['aedes', 'ws'],
  settings: ['jsonc-parser', 'ms', 'zod'],
  system: ['@node-rs/argon2'],
  storage: ['pg'],
  imports: ['pg'],
  apis: ['@fastify/busboy', '@opentelemetry/api', 'fast-xml-parser', 'jose', 'ldapts', 'ms', 'yaml', 'zod'],
  application: ['pino'],
  cli: [],
  main: [],
}

/** Hashing and signing are pure functions; everything else of Node.js is the outside world. */
const CORE_MAY_IMPORT = 'node:crypto'
const CORE_FILES_THAT_HASH_OR_SIGN = [
  'core/access/attempt-meter.ts',
  'core/audit/audit-chain.ts',
  'core/keys/dpop-proof.ts',
  'core/keys/fingerprint.ts',
  'core/keys/key-token.ts',
  'core/keys/legacy-mac.ts',
]

/** Carriers that are made of HTTP. */
const STARTS_AS_HTTP = ['websocket', 'lane']

/** Folders that only tests use: suites that every implementation runs, and what tests are made of. */
const TEST_FOLDERS = ['contract', 'keywords', 'scenarios', 'testing']

const BARE_NODE_MODULES = new Set(builtinModules.filter((name) => !name.startsWith('node:')))

type Import = { readonly specifier: string; readonly target: string | undefined }
type SourceFile = {
  /** Relative to `src`, with `/`. */
  readonly path: string
  readonly part: string
  readonly isTest: boolean
  readonly text: string
  readonly imports: readonly Import[]
}

const SOURCE = import.meta.dirname
const FILES: readonly SourceFile[] = globSync('**/*.ts', { cwd: SOURCE }).map(readSource)
const PRODUCTION = FILES.filter((file) => !file.isTest)

function readSource(native: string): SourceFile {
  const path = native.split(sep).join('/')
  const text = readFileSync(join(SOURCE, native), 'utf8')
  const folders = path.split('/').slice(0, -1)
  return {
    path,
    part: partOf(path),
    isTest: path.endsWith('.test.ts') || folders.some((folder) => TEST_FOLDERS.includes(folder)),
    text,
    imports: specifiersIn(text).map((specifier) => ({ specifier, target: targetOf(path, specifier) })),
  }
}

function partOf(path: string): string {
  const [first, second] = path.split('/')
  if (second !== undefined) return first ?? path
  return path === 'main.ts' ? 'main' : 'application'
}

/** Biome's formatting is what makes this sound: statements start a line, and quotes are single. */
function specifiersIn(text: string): readonly string[] {
  const statements = text.matchAll(/^(?:import|export)\b[^'"`;]*?\bfrom '([^']+)'|^import '([^']+)'/gm)
  const expressions = text.matchAll(/\bimport\(\s*'([^']+)'/g)
  return [...statements, ...expressions].map((match) => match[1] ?? match[2] ?? '')
}

function targetOf(path: string, specifier: string): string | undefined {
  return specifier.startsWith('.')
    ? normalize(join(dirname(path), specifier))
        .split(sep)
        .join('/')
    : undefined
}

function offences(
  find: (file: SourceFile) => readonly string[],
  files: readonly SourceFile[] = PRODUCTION,
): readonly string[] {
  return files.flatMap((file) => find(file).map((what) => `${file.path}: ${what}`))
}

function packageOf(specifier: string): string {
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')
}

describe('the reader of imports', () => {
  test('sees every form of import, also those of types', () => {
    const text = [
      "import 'a'",
      "import type { B } from 'b'",
      "import {\n  type C,\n  d,\n} from 'c'",
      "export { e } from 'e'",
      "export * from 'f'",
      "const g = await import('g')",
      "type H = import('h').H",
    ].join('\n')
    assert.deepEqual(specifiersIn(text), ['a', 'b', 'c', 'e', 'f', 'g', 'h'])
  })

  test('is not fooled: nothing is imported by a name that is computed, or loaded by require', () => {
    const computed = /\bimport\((?!\s*')|\bcreateRequire\b|\brequire\(/
    assert.deepEqual(
      offences(({ text }) => (computed.test(withoutComments(text)) ? ['loads a computed name'] : [])),
      [],
    )
  })

  test('reads all there is', () => {
    assert.ok(PRODUCTION.length > 50)
    assert.deepEqual([...new Set(FILES.map(({ part }) => part))].sort(), Object.keys(MAY_IMPORT).sort())
  })
})

describe('who may import whom', () => {
  test('parts import only the parts that they may', () => {
    const foreign = ({ part, imports }: SourceFile): readonly string[] =>
      imports.flatMap(({ target }) =>
        target === undefined || partOf(target) === part || MAY_IMPORT[part]?.includes(partOf(target))
          ? []
          : [`${part} may not import ${target}`],
      )
    assert.deepEqual(offences(foreign), [])
  })

  test('no API imports another', () => {
    const language = (path: string): string | undefined => path.split('/')[1]
    const foreign = ({ path, imports }: SourceFile): readonly string[] =>
      imports.flatMap(({ target }) =>
        target?.startsWith('apis/') && language(target) !== language(path) ? [`imports ${target}`] : [],
      )
    assert.deepEqual(
      offences(
        foreign,
        PRODUCTION.filter(({ part }) => part === 'apis'),
      ),
      [],
    )
  })

  test('no carrier imports another, but WebSocket starts as HTTP, and the lane goes before it', () => {
    const carrier = (path: string): string | undefined => path.split('/')[2] && path.split('/')[1]
    const foreign = ({ path, imports }: SourceFile): readonly string[] =>
      imports.flatMap(({ target = '' }) => {
        const other = carrier(target)
        if (other === undefined || other === carrier(path)) return []
        return STARTS_AS_HTTP.includes(carrier(path) ?? '') && other === 'http' ? [] : [`imports ${target}`]
      })
    assert.deepEqual(
      offences(
        foreign,
        PRODUCTION.filter(({ part }) => part === 'transports'),
      ),
      [],
    )
  })

  test('no storage driver imports another', () => {
    const driver = (path: string): string | undefined => path.split('/')[2] && path.split('/')[1]
    const foreign = ({ path, imports }: SourceFile): readonly string[] =>
      imports.flatMap(({ target = '' }) => {
        const isForeign =
          target.startsWith('storage/') && driver(target) !== undefined && driver(target) !== driver(path)
        return isForeign ? [`imports ${target}`] : []
      })
    const drivers = PRODUCTION.filter(({ part, path }) => part === 'storage' && driver(path) !== undefined)
    assert.deepEqual(offences(foreign, drivers), [])
  })

  test('there are no cycles', () => {
    const imports = new Map(
      FILES.map(({ path, imports: all }) => [path, all.flatMap(({ target }) => (target ? [target] : []))]),
    )
    assert.deepEqual(cyclesIn(imports), [])
  })

  test('the finder of cycles finds one', () => {
    assert.deepEqual(
      cyclesIn(
        new Map([
          ['a', ['b']],
          ['b', ['c']],
          ['c', ['b']],
        ]),
      ),
      ['b -> c -> b'],
    )
  })

  test('what only tests use is not part of the program', () => {
    const tests = new Set(FILES.filter(({ isTest }) => isTest).map(({ path }) => path))
    const used = ({ imports }: SourceFile): readonly string[] =>
      imports.flatMap(({ target }) => (target && tests.has(target) ? [`imports ${target}`] : []))
    assert.deepEqual(offences(used), [])
  })
})

describe('what may be used from outside', () => {
  test('packages are used only where they are meant to be', () => {
    const foreign = ({ part, imports }: SourceFile): readonly string[] =>
      imports.flatMap(({ specifier, target }) =>
        target !== undefined ||
        specifier.startsWith('node:') ||
        MAY_USE_PACKAGES[part]?.includes(packageOf(specifier))
          ? []
          : [`${part} may not use ${specifier}`],
      )
    assert.deepEqual(offences(foreign), [])
  })

  test('modules of Node.js are named as such', () => {
    const bare = ({ imports }: SourceFile): readonly string[] =>
      imports.flatMap(({ specifier }) => (BARE_NODE_MODULES.has(specifier) ? [specifier] : []))
    assert.deepEqual(offences(bare, FILES), [])
  })

  test('the core and the query language do no input or output', () => {
    const outside = ({ path, imports }: SourceFile): readonly string[] =>
      imports.flatMap(({ specifier }) => {
        if (!specifier.startsWith('node:')) return []
        const isAllowed = specifier === CORE_MAY_IMPORT && CORE_FILES_THAT_HASH_OR_SIGN.includes(path)
        return isAllowed ? [] : [`imports ${specifier}`]
      })
    const pure = PRODUCTION.filter(({ part }) => part === 'core' || part === 'query')
    assert.deepEqual(offences(outside, pure), [])
  })

  test('time and randomness reach the core as arguments', () => {
    const impure =
      /\bDate\.now\(|\bnew Date\(\)|\bMath\.random\(|\bperformance\.now\(|\bsetTimeout\(|\bsetInterval\(/
    const core = PRODUCTION.filter(({ part }) => part === 'core')
    assert.deepEqual(
      offences(({ text }) => impure.exec(withoutComments(text)) ?? [], core),
      [],
    )
  })

  test('what a query means does not depend on when it is asked, but for the instant that it is given', () => {
    // `performance.now` may decide when to let others run; it cannot be turned into a date.
    const impure = /\bDate\.now\(|\bnew Date\(\)|\bMath\.random\(/
    const query = PRODUCTION.filter(({ part }) => part === 'query')
    assert.deepEqual(
      offences(({ text }) => impure.exec(withoutComments(text)) ?? [], query),
      [],
    )
  })

  test('only settings reads the environment', () => {
    const others = FILES.filter(({ part, isTest }) => part !== 'settings' && !isTest)
    assert.deepEqual(
      offences(({ text }) => (/\bprocess\s*\.\s*env\b/.test(text) ? ['reads it'] : []), others),
      [],
    )
  })
})

describe('house style that a tool can see', () => {
  test('files are named after what they hold', () => {
    const vague = /(^|\/)(index|utils?|helpers?|types|common|misc)(\.ts|\/)/
    assert.deepEqual(
      FILES.filter(({ path }) => vague.test(path)).map(({ path }) => path),
      [],
    )
    assert.deepEqual(
      FILES.filter(({ path }) => !/^[a-z0-9/.-]+$/.test(path)).map(({ path }) => path),
      [],
    )
  })

  test('there are no default exports', () => {
    assert.deepEqual(
      offences(({ text }) => /^export default\b|\bas default\b/m.exec(text) ?? [], FILES),
      [],
    )
  })

  test('migrations are numbered without gaps', () => {
    const folders = globSync('storage/*/migrations', { cwd: SOURCE })
    assert.ok(folders.length > 0)
    for (const folder of folders) {
      const files = globSync('*', { cwd: join(SOURCE, folder) }).sort()
      files.forEach((file, index) => {
        assert.match(file, new RegExp(`^${String(index + 1).padStart(4, '0')}-[a-z0-9-]+\\.sql$`))
      })
    }
  })
})

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '')
}

function cyclesIn(imports: ReadonlyMap<string, readonly string[]>): readonly string[] {
  const cycles: string[] = []
  const done = new Set<string>()
  const visit = (path: string, trail: readonly string[]): void => {
    if (trail.includes(path)) {
      cycles.push([...trail.slice(trail.indexOf(path)), path].join(' -> '))
      return
    }
    if (done.has(path)) return
    for (const target of imports.get(path) ?? []) visit(target, [...trail, path])
    done.add(path)
  }
  for (const path of imports.keys()) visit(path, [])
  return cycles
}
