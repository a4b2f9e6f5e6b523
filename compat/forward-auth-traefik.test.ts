import { describeForwardAuth } from './forward-auth-scenarios.ts'

describeForwardAuth({
  name: 'traefik',
  command: 'traefik',
  files: ['traefik.yml', 'latchkey.yml'],
  onLoopback: (text) => text.replace('":8080"', '127.0.0.1:8080'),
  prepare: () => ['--configFile=traefik.yml'],
})
