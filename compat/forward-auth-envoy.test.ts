import { describeForwardAuth } from './forward-auth-scenarios.ts'

describeForwardAuth({
  name: 'envoy',
  command: 'envoy',
  files: ['envoy.yaml'],
  onLoopback: (text) => text.replace('0.0.0.0', '127.0.0.1'),
  prepare: () => [
    '-c',
    'envoy.yaml',
    '--use-dynamic-base-id',
    '--concurrency',
    '1',
    '--log-level',
    'warning',
  ],
})
