// Builds server/dist, the content of the npm package: JavaScript, and the SQL files that it reads.

import { spawnSync } from 'node:child_process'
import { chmodSync, cpSync, globSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const server = fileURLToPath(new URL('../server', import.meta.url))
const dist = join(server, 'dist')

rmSync(dist, { recursive: true, force: true })
const compiler = fileURLToPath(new URL('../node_modules/.bin/tsc', import.meta.url))
const { status } = spawnSync(compiler, ['-p', 'tsconfig.build.json'], { cwd: server, stdio: 'inherit' })
if (status !== 0) process.exit(status ?? 1)

for (const file of globSync('**/*.sql', { cwd: join(server, 'src') })) {
  cpSync(join(server, 'src', file), join(dist, file))
}
chmodSync(join(dist, 'main.js'), 0o755)
