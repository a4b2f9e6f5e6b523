import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { createCertificate } from '../apis/knox/proxy/testing/self-signed.ts'
import { readSettings } from '../settings/read-settings.ts'
import { createLog } from './log.ts'
import { openTlsFiles } from './tls-files.ts'

const OWN = createCertificate({ CN: 'localhost' })
const OTHER = createCertificate({ CN: 'other' })

/** Opens files with these contents; `write` writes another text into that of the authorities. */
function open(t: TestContext, authorities: string) {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-tls-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const texts = { 'certificate-file': OWN.cert, 'key-file': OWN.key, 'client-ca-file': authorities }
  const flags = ['--http.tls.client-certificates', 'optional']
  for (const [name, text] of Object.entries(texts)) {
    writeFileSync(join(folder, name), text)
    flags.push(`--http.tls.${name}`, join(folder, name))
  }
  const settings = readSettings({ flags, environment: {}, readFile: () => assert.fail('no file was named') })
  const files = openTlsFiles(settings, createLog({ level: 'fatal', format: 'json' }), process)
  t.after(() => files.close())
  const write = (text: string): void => {
    writeFileSync(join(folder, 'client-ca-file'), text)
    process.emit('SIGHUP', 'SIGHUP')
  }
  return { authorities: () => files.tls?.material().clientAuthorities, write }
}

/** What node:tls would take for no list at all, which is the whole world's, or for an empty one. */
const NO_AUTHORITIES = [
  '',
  '\n',
  'nobody',
  String(generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' })),
]

test('a file without certificates vouches for nobody: neither at the start nor when it is read again', (t) => {
  for (const text of NO_AUTHORITIES) assert.throws(() => open(t, text), JSON.stringify(text))
  const { authorities, write } = open(t, OWN.cert)
  for (const text of NO_AUTHORITIES) {
    write(text)
    assert.equal(authorities(), OWN.cert, JSON.stringify(text))
  }
  write(OTHER.cert)
  assert.equal(authorities(), OTHER.cert)
})
