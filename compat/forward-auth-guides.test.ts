import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { test } from 'node:test'

const ROOT = join(import.meta.dirname, '..')
const PAGES = globSync('docs/guides/forward-auth/*.md', { cwd: ROOT })

function read(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8')
}

function trimmedLines(text: string): readonly string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
}

test('every proxy with an example has a page, a test, and a row in the overview', () => {
  const proxies = globSync('examples/forward-auth/*', { cwd: ROOT }).map((path) => basename(path))
  assert.ok(proxies.length >= 5)
  const overview = read('docs/guides/forward-auth.md')
  for (const proxy of proxies) {
    assert.ok(existsSync(join(ROOT, `docs/guides/forward-auth/${proxy}.md`)), proxy)
    assert.ok(existsSync(join(ROOT, `compat/forward-auth-${proxy}.test.ts`)), proxy)
    assert.ok(overview.includes(`(forward-auth/${proxy}.md)`), proxy)
    assert.ok(read('examples/README.md').includes(`(forward-auth/${proxy})`), proxy)
  }
  assert.equal(PAGES.length, proxies.length)
})

for (const page of PAGES)
  test(`what ${basename(page)} shows stands in the example that is tested`, () => {
    const files = globSync(`examples/forward-auth/${basename(page, '.md')}/*`, { cwd: ROOT })
    const example = new Set(files.flatMap((file) => trimmedLines(read(file))))
    const blocks = [...read(page).matchAll(/^```\w+\n([\s\S]*?)^```$/gm)].map(([, code = '']) => code)
    assert.ok(blocks.length > 0)
    const missing = blocks.flatMap(trimmedLines).filter((line) => !example.has(line))
    assert.deepEqual(missing, [])
  })

test('links of the guides for operators lead somewhere', () => {
  const documents = [
    ...PAGES,
    'docs/guides/forward-auth.md',
    'docs/guides/operations.md',
    'examples/README.md',
    'README.md',
  ]
  for (const document of documents) {
    const targets = [...read(document).matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)].map(
      ([, target = '']) => target,
    )
    for (const target of targets) {
      assert.ok(existsSync(join(ROOT, dirname(document), target)), `${document} links to ${target}`)
    }
  }
})
