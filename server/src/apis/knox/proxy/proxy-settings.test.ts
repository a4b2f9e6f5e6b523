import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { TopologyProblem } from '../topologies/topology-problem.ts'
import { proxySettingsOf } from './proxy-settings.ts'

function settingsOf(
  params: Readonly<Record<string, string>>,
  urls: readonly string[] = ['http://h'],
  role = 'OPENAI',
) {
  return proxySettingsOf({ role, urls, params: new Map(Object.entries(params)) }, 'ai.xml', () => {
    throw new Error('no such file')
  })
}

describe('the parameters of a service that is passed on', () => {
  it('have defaults that suit answers which take minutes', () => {
    const { path, upstreams, addedHeaders, identity, ...numbers } = settingsOf({})
    assert.equal(path, '/openai')
    assert.deepEqual(
      upstreams.map(({ href }) => href),
      ['http://h/'],
    )
    assert.equal(addedHeaders.size, 0)
    assert.equal(identity.nameHeader, 'X-Knox-Actor-ID')
    assert.deepEqual(numbers, {
      connectTimeoutMs: 5_000,
      firstByteTimeoutMs: 600_000,
      idleTimeoutMs: 300_000,
      concurrentMax: 256,
      bodyBytesMax: 1_073_741_824,
      certificates: undefined,
      cutsStreams: false,
    })
  })

  it('are read, and those of others left alone', () => {
    const settings = settingsOf(
      {
        'proxy.path': '/ai/v2',
        'proxy.authorization': ' Bearer x ',
        'proxy.header.Api-Key': 'y',
        'proxy.connectTimeoutMs': '7',
        'proxy.cutStreams': ' TRUE',
        httpclient: '3',
      },
      ['wss://a/b//', ' http://[::1]:8000 '],
      'My Role',
    )
    assert.equal(settings.path, '/ai/v2')
    assert.deepEqual(
      settings.upstreams.map(({ href }) => href),
      ['https://a/b', 'http://[::1]:8000/'],
    )
    assert.deepEqual(
      [...settings.addedHeaders],
      [
        ['authorization', 'Bearer x'],
        ['api-key', 'y'],
      ],
    )
    assert.equal(settings.connectTimeoutMs, 7)
    assert.equal(settings.cutsStreams, true)
  })

  for (const [what, params, urls, message] of [
    ['no URL', {}, [], /has no <url>/],
    ['a URL of another scheme', {}, ['ftp://h'], /<url> is "ftp:\/\/h"/],
    ['a URL that is none', {}, ['openai'], /<url> is "openai"/],
    ['a password in the URL', {}, ['http://u:p@h'], /proxy.authorization/],
    ['a query string in the URL', {}, ['http://h/?x'], /must end with its path/],
    ['a path that leads out', { 'proxy.path': '/a/..' }, ['http://h'], /"proxy.path"/],
    ['a path without slash', { 'proxy.path': 'a' }, ['http://h'], /"proxy.path"/],
    [
      'a misspelled parameter',
      { 'proxy.conectTimeoutMs': '1' },
      ['http://h'],
      /"proxy.conectTimeoutMs" is not known/,
    ],
    ['a number that is none', { 'proxy.idleTimeoutMs': '1s' }, ['http://h'], /whole number, 1 to/],
    ['nothing at all for a number', { 'proxy.concurrentMax': '0' }, ['http://h'], /whole number, 1 to/],
    ['a switch that is none', { 'proxy.cutStreams': 'yes' }, ['http://h'], /true or false/],
    [
      'certificates that cannot be read',
      { 'proxy.certificates': '/x' },
      ['http://h'],
      /cannot read "\/x": no such file/,
    ],
    ['a header that cannot be named', { 'proxy.header.a b': 'x' }, ['http://h'], /"a b" is no name/],
  ] as const) {
    it(`are refused with file, role and name: ${what}`, () => {
      const refused = (error: unknown): boolean => {
        assert.ok(error instanceof TopologyProblem)
        assert.match(error.message, /^ai.xml: service "OPENAI"/)
        assert.match(error.message, message)
        return true
      }
      assert.throws(() => settingsOf(params, urls), refused)
    })
  }

  it('are refused without showing a secret', () => {
    assert.throws(
      () => settingsOf({ 'proxy.authorization': 'Bearer secret\nX: y' }),
      (error: unknown) => error instanceof TopologyProblem && !error.message.includes('secret'),
    )
  })
})
