import { describeForwardAuth } from './forward-auth-scenarios.ts'

describeForwardAuth({
  name: 'haproxy',
  command: 'haproxy',
  passesProofs: true,
  files: ['haproxy.cfg', 'latchkey.lua'],
  onLoopback: (text) => text.replace('bind :8080', 'bind 127.0.0.1:8080'),
  prepare: () => ['-db', '-f', 'haproxy.cfg'],
})
