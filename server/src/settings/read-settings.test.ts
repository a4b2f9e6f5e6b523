import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { defaultSettings, readSettings, SettingsError } from './read-settings.ts'
import { environmentVariableOf, flagOf, nearestName, settingOfWords, wordsOf } from './setting-names.ts'
import { SETTING_NAMES, type Settings, settingOf } from './settings.ts'

type Sources = {
  readonly flags?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  readonly file?: string
}

function read({ flags = [], environment = {}, file }: Sources): Settings {
  return readSettings({
    flags: file === undefined ? flags : ['--config', 'latchkey.json', ...flags],
    environment,
    readFile: () => file ?? assert.fail('no file was named'),
  })
}

function problemsOf(sources: Sources): readonly string[] {
  try {
    read(sources)
  } catch (error) {
    if (error instanceof SettingsError)
      return error.problems.map(({ source, message }) => `${source}: ${message}`)
    throw error
  }
  return []
}

describe('sources', () => {
  const file = '{ /* comment */ "server": { "port": 1, "host": "::1" }, "limits.loginBurst": 9, }'

  test('defaults are overridden by the file, then by the environment, then by flags', () => {
    assert.equal(read({})['server.port'], 7512)
    assert.equal(read({ file })['server.port'], 1)
    assert.equal(read({ file, environment: { LATCHKEY_PORT: '2' } })['server.port'], 2)
    assert.equal(
      read({ file, environment: { LATCHKEY_PORT: '2' }, flags: ['--port', '3'] })['server.port'],
      3,
    )
    assert.equal(read({ file, flags: ['--port', '3'] })['server.host'], '::1')
  })

  test('a file may nest names, join them with dots, hold comments and trailing commas', () => {
    assert.equal(read({ file })['limits.loginBurst'], 9)
  })

  test("Kuzzle's environment variables are read, below ours", () => {
    const environment = {
      kuzzle_security__apiKey__maxTTL: '1d',
      kuzzle_http__accessControlAllowOrigin: '*json:["https://a.example","https://b.example"]',
    }
    assert.equal(read({ environment })['security.apiKey.maxTTL'], 86_400_000)
    assert.deepEqual(read({ environment })['http.accessControlAllowOrigin'], [
      'https://a.example',
      'https://b.example',
    ])
    const both = { ...environment, LATCHKEY_SECURITY_API_KEY_MAX_TTL: '2d' }
    assert.equal(read({ environment: both })['security.apiKey.maxTTL'], 172_800_000)
  })

  test('the configuration file may be named by the environment', () => {
    const settings = readSettings({
      flags: [],
      environment: { LATCHKEY_CONFIG: '/etc/latchkey.json' },
      readFile: (path) => (path === '/etc/latchkey.json' ? '{"dev": true}' : assert.fail(path)),
    })
    assert.equal(settings.dev, true)
  })

  test('an empty environment variable counts as absent', () => {
    assert.equal(read({ environment: { LATCHKEY_PORT: '' } })['server.port'], 7512)
  })

  test('every setting can be given as a flag and as an environment variable by its name', () => {
    for (const name of SETTING_NAMES) {
      for (const known of [name, ...settingOf(name).aliases]) {
        assert.equal(settingOfWords(wordsOf(flagOf(known).slice(2))), name)
        assert.equal(settingOfWords(wordsOf(known)), name)
        assert.equal(settingOfWords(environmentVariableOf(known).slice('LATCHKEY_'.length)), name)
      }
    }
  })

  test('the names in the launch contract work', () => {
    assert.equal(environmentVariableOf('limits.loginsPerSecond'), 'LATCHKEY_LIMITS_LOGINS_PER_SECOND')
    const settings = read({
      flags:
        '--host localhost --storage sqlite::memory: --data-dir=/var/x --dev --log-level debug --log-format json --limits.logins-per-second 2.5'.split(
          ' ',
        ),
    })
    assert.equal(settings['server.host'], 'localhost')
    assert.equal(settings.storage?.(), 'sqlite::memory:')
    assert.equal(settings.dataDir, '/var/x')
    assert.equal(settings.dev, true)
    assert.equal(settings['log.level'], 'debug')
    assert.equal(settings['log.format'], 'json')
    assert.equal(settings['limits.loginsPerSecond'], 2.5)
  })

  test('a switch takes only true or false from the next argument', () => {
    assert.equal(read({ flags: ['--dev', '--port', '1'] }).dev, true)
    assert.equal(read({ flags: ['--dev', 'false'] }).dev, false)
    assert.equal(read({ flags: ['--dev=0'] }).dev, false)
    assert.deepEqual(problemsOf({ flags: ['--dev', 'maybe'] }), [
      'argument "maybe": flags start with two dashes',
    ])
  })
})

describe('values', () => {
  test('durations and sizes are accepted as text and as numbers', () => {
    const ttl = (value: string): number =>
      read({ flags: ['--security.authToken.expiresIn', value] })['security.authToken.expiresIn']
    assert.deepEqual(
      ['1h', '90s', '7d', '1500', '1.5h'].map(ttl),
      [3_600_000, 90_000, 604_800_000, 1500, 5_400_000],
    )
    const body = (value: string): number =>
      read({ flags: ['--server.maxRequestSize', value] })['server.maxRequestSize']
    assert.deepEqual(['1MB', '512kb', '2048', '1.5 mb'].map(body), [1_048_576, 524_288, 2048, 1_572_864])
  })

  test('a number for a setting that Kuzzle has in seconds is in seconds', () => {
    assert.equal(read({ file: '{"stats": {"ttl": 60, "statsInterval": "2s"}}' })['stats.ttl'], 60_000)
    assert.equal(
      read({ file: '{"stats": {"ttl": 60, "statsInterval": "2s"}}' })['stats.statsInterval'],
      2_000,
    )
  })

  test('-1 means no limit only where a setting says so', () => {
    assert.equal(read({ flags: ['--security.apiKey.maxTTL', '-1'] })['security.apiKey.maxTTL'], -1)
    assert.equal(problemsOf({ flags: ['--security.authToken.expiresIn', '-1'] }).length, 1)
    assert.equal(problemsOf({ flags: ['--security.apiKey.maxTTL', '-1d'] }).length, 1)
  })

  test('the longest life of a key means what it means in Kuzzle: any negative number is no limit, 0 is none at all', () => {
    const maxTtl = (value: string) =>
      read({ flags: ['--security.apiKey.maxTTL', value] })['security.apiKey.maxTTL']
    assert.deepEqual(['-1', '-5', '0', '0s', '1500'].map(maxTtl), [-1, -1, 0, 0, 1500])
  })

  test('every default is a value that its setting accepts', () => {
    for (const name of SETTING_NAMES) {
      const { kind, initial } = settingOf(name)
      if (initial !== undefined) assert.ok(kind.type.safeParse(initial).success, name)
    }
    assert.deepEqual(read({}), defaultSettings())
  })

  test('whatever a file holds, reading it gives settings or a SettingsError', () => {
    fc.assert(
      fc.property(fc.constantFrom(...SETTING_NAMES), fc.jsonValue(), (name, value) => {
        problemsOf({ file: JSON.stringify({ [name]: value }) })
      }),
    )
    fc.assert(fc.property(fc.string(), (file) => void problemsOf({ file })))
  })
})

describe('refusals', () => {
  test('all wrong and unknown settings of all sources are reported together, with the nearest name', () => {
    assert.deepEqual(
      problemsOf({
        file: '{\n  "server": {\n    "prot": 1,\n    "port": "http"\n  },\n  "services": { "memoryStorage": {} }\n}',
        environment: { LATCHKEY_LIMITS_LOGIN_PER_SECOND: '1', kuzzle_security__apikey__maxTTL: '1h' },
        flags: ['--prot', '80', '--log-level', 'loud', '--host'],
      }),
      [
        'latchkey.json line 3: server.prot: unknown setting; did you mean server.port?',
        'latchkey.json line 6: services.memoryStorage: a Kuzzle setting that Latchkey has no use for; remove it',
        'environment variable kuzzle_security__apikey__maxTTL: unknown setting; did you mean kuzzle_security__apiKey__maxTTL?',
        'environment variable LATCHKEY_LIMITS_LOGIN_PER_SECOND: unknown setting; did you mean LATCHKEY_LIMITS_LOGINS_PER_SECOND?',
        'flag --prot: unknown setting; did you mean --port?',
        'flag --host: needs a value',
        'latchkey.json line 4: server.port: must be a whole number from 0 to 65535, but is "http"',
        'flag --log-level: must be one of fatal, error, warn, info, debug, trace, but is "loud"',
      ],
    )
  })

  test('a wrong value is reported although a later source overrides it', () => {
    assert.equal(problemsOf({ environment: { LATCHKEY_PORT: 'x' }, flags: ['--port', '1'] }).length, 1)
  })

  test('a secret that is refused is not repeated', () => {
    const [problem] = problemsOf({ environment: { LATCHKEY_SECURITY_AUTH_TOKEN_SECRET: 'canary' } })
    assert.match(problem ?? '', /must be a text of 32 to 4096 characters$/)
  })

  test('development is refused on addresses that other hosts can reach, and says so', () => {
    for (const host of ['0.0.0.0', '::', '192.168.1.1', 'example.org', '127.0.0.1.example.org'])
      assert.match(
        problemsOf({ flags: ['--dev', '--host', host] })[0] ?? '',
        /^flag --dev: .*loopback.*but is /,
      )
    for (const host of ['127.0.0.1', '127.8.9.1', '::1', 'localhost'])
      assert.deepEqual(problemsOf({ flags: ['--dev', '--host', host] }), [])
  })

  test('a file that is missing or no JSON object is a problem like any other', () => {
    const missing = (): Settings =>
      readSettings({
        flags: ['--config', 'nowhere.json'],
        environment: {},
        readFile: () => {
          throw new Error('no such file')
        },
      })
    assert.throws(missing, /configuration file nowhere\.json: cannot be read: no such file/)
    assert.match(problemsOf({ file: '{"a": 1\n"b"}' })[0] ?? '', /^latchkey\.json line 2: not readable/)
    assert.match(problemsOf({ file: '[]' })[0] ?? '', /one JSON object/)
  })

  test('a name that resembles nothing gets no suggestion', () => {
    assert.equal(nearestName('colour'), undefined)
    assert.equal(nearestName('x'.repeat(5000)), undefined)
    assert.match(problemsOf({ flags: ['--colour', 'red'] })[0] ?? '', /"latchkey settings" lists all/)
  })

  test('origins that shall be regular expressions must be some', () => {
    const flags = ['--http.accessControlAllowOrigin', '(', '--http.accessControlAllowOriginUseRegExp']
    assert.match(problemsOf({ flags })[0] ?? '', /"\(" is no regular expression/)
  })
})
