import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describeForwardAuth } from './forward-auth-scenarios.ts'

describeForwardAuth({
  name: 'caddy',
  command: 'caddy',
  passesProofs: true,
  files: ['Caddyfile'],
  onLoopback: (text) => text.replace(':8080 {', 'http://127.0.0.1:8080 {'),
  prepare: (folder) => {
    const file = join(folder, 'Caddyfile')
    writeFileSync(file, `{\n\tadmin off\n}\n${readFileSync(file, 'utf8')}`)
    return ['run', '--config', file, '--adapter', 'caddyfile']
  },
})
