import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describeForwardAuth } from './forward-auth-scenarios.ts'

describeForwardAuth({
  name: 'nginx',
  command: 'nginx',
  passesProofs: true,
  files: ['latchkey.conf'],
  onLoopback: (text) => text.replace('listen 8080', 'listen 127.0.0.1:8080'),
  prepare: (folder) => {
    const places = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
      (name) => `${name}_temp_path ${join(folder, name)};`,
    )
    // Workers of an nginx that root starts change to a user who may not enter the folder of this test.
    const user = process.getuid?.() === 0 ? ['user root;'] : []
    const frame = [
      ...user,
      'daemon off;',
      'worker_processes 1;',
      `pid ${join(folder, 'nginx.pid')};`,
      'error_log stderr;',
      'events {}',
      `http { access_log off; ${places.join(' ')} include ${join(folder, 'latchkey.conf')}; }`,
    ]
    writeFileSync(join(folder, 'nginx.conf'), frame.join('\n'))
    return ['-p', folder, '-e', 'stderr', '-c', join(folder, 'nginx.conf')]
  },
})
