import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseDescriptor, parseSharedProviders } from './parse-descriptor.ts'
import { parseTopologyXml } from './parse-topology-xml.ts'
import { parseXml, XML_LENGTH_MAX } from './parse-xml.ts'
import { TopologyProblem } from './topology-problem.ts'

/** The message with which a file is refused. */
function problemOf(work: () => unknown): string {
  try {
    work()
  } catch (error) {
    assert.ok(error instanceof TopologyProblem, String(error))
    return error.message
  }
  return assert.fail('it was accepted')
}

const SANDBOX = `<?xml version="1.0" encoding="utf-8"?>
<!-- a comment <service> -->
<topology>
  <name>another</name>
  <gateway>
    <provider>
      <role>authentication</role>
      <name>ShiroProvider</name>
      <enabled>true</enabled>
      <param><name>sessionTimeout</name><value>30</value></param>
      <param name="main.ldapRealm.userDnTemplate" value="uid={0},ou=people,dc=hadoop"/>
      <param><name>urls./**</name><value> authcBasic </value></param>
    </provider>
    <provider><role>identity-assertion</role><name>Default</name><enabled>FALSE</enabled></provider>
  </gateway>
  <service>
    <role>APIKEY</role>
    <param>
      <name>apikey.knox.token.ttl</name>
      <value>74000</value>
    </param>
  </service>
  <service><role>OPENAI</role><url>https://a/?x=1&amp;y=&#x41;&#66;</url><url><![CDATA[http://b/?c&d]]></url></service>
  <application><name>homepage</name></application>
  <dispatch>x</dispatch>
</topology>`

describe('a topology in XML', () => {
  it('is read with both forms of parameters, entities and several URLs', () => {
    const raw = parseTopologyXml(SANDBOX, 'sandbox.xml')
    assert.deepEqual(
      raw.providers.map(({ role, name, enabled, params }) => [role, name, enabled, [...params]]),
      [
        [
          'authentication',
          'ShiroProvider',
          true,
          [
            ['sessionTimeout', '30'],
            ['main.ldapRealm.userDnTemplate', 'uid={0},ou=people,dc=hadoop'],
            ['urls./**', 'authcBasic'],
          ],
        ],
        ['identity-assertion', 'Default', false, []],
      ],
    )
    assert.deepEqual(
      raw.services.map(({ role, urls, params }) => [role, urls, [...params]]),
      [
        ['APIKEY', [], [['apikey.knox.token.ttl', '74000']]],
        ['OPENAI', ['https://a/?x=1&y=AB', 'http://b/?c&d'], []],
      ],
    )
    assert.deepEqual([raw.applications, raw.ignored], [['homepage'], ['<dispatch>']])
  })

  it('is refused with file, place and reason when it is not well formed', () => {
    const cases: [string, RegExp][] = [
      ['', /^t\.xml/],
      ['<topology>', /^t\.xml is not well-formed XML, line 1/],
      ['<topology></gateway></topology>', /^t\.xml is not well-formed XML/],
      ['<gateway/>', /^t\.xml begins with <gateway>/],
      ['<topology/><topology/>', /^t\.xml/],
      ['<topology><service><name>x</name></service></topology>', /^t\.xml: a service has no role$/],
      [
        '<topology><gateway><provider><name>P</name></provider></gateway></topology>',
        /^t\.xml: provider "P" has no role$/,
      ],
      [
        '<topology><service><role>A</role><param><value>x</value></param></service></topology>',
        /^t\.xml: service "A": a parameter has no name$/,
      ],
      [
        '<topology><service><role>A</role><param name="p"/></service></topology>',
        /^t\.xml: service "A": parameter "p" has no value$/,
      ],
      [
        '<topology><service><role>A</role><param name="p" value="1"/><param name="p" value="2"/></service></topology>',
        /^t\.xml: service "A": parameter "p" is given twice$/,
      ],
      [
        '<topology><gateway><provider><role>r</role><name>P</name><enabled>ture</enabled></provider></gateway></topology>',
        /^t\.xml: provider "P" of role "r": "enabled" is "ture"/,
      ],
    ]
    for (const [text, expected] of cases) {
      assert.match(
        problemOf(() => parseTopologyXml(text, 't.xml')),
        expected,
      )
    }
  })

  it('never reads entities or document types, be they inside or outside of the file', () => {
    for (const text of [
      '<!DOCTYPE topology [<!ENTITY x SYSTEM "file:///etc/passwd">]><topology><name>&x;</name></topology>',
      '<!doctype topology SYSTEM "http://127.0.0.1:1/x.dtd"><topology/>',
      '<topology><name>&x;</name></topology>',
      '<topology><name>&#0;</name></topology>',
      '<topology><name>&#xD800;</name></topology>',
      '<topology><name>a & b</name></topology>',
    ]) {
      assert.match(
        problemOf(() => parseTopologyXml(text, 't.xml')),
        /^t\.xml/,
      )
    }
  })

  it('is bounded', () => {
    const text = `<a>${' '.repeat(XML_LENGTH_MAX)}</a>`
    assert.match(
      problemOf(() => parseXml(text, 't.xml')),
      /is the limit$/,
    )
  })

  it('keeps names that JavaScript objects know', () => {
    const { params } = parseTopologyXml(
      '<topology><service><role>A</role><param name="__proto__" value="x"/></service></topology>',
      't.xml',
    ).services[0] ?? { params: new Map() }
    assert.deepEqual([...params], [['__proto__', 'x']])
  })
})

/** A provider as shared files write it. */
const GUARD = {
  role: 'federation',
  name: 'JWTProvider',
  enabled: 'true',
  params: { 'knox.token.exp.server-managed': true },
}

describe('a descriptor', () => {
  const shared = new Map([
    ['guards', parseSharedProviders(JSON.stringify({ providers: [GUARD] }), 'guards.json')],
  ])
  const parse = (value: object, file = 'd.json') =>
    parseDescriptor(JSON.stringify(value), file, (name) => shared.get(name))

  it('takes its providers from the shared file, named with or without extension', () => {
    for (const reference of ['guards', 'guards.json', 'conf/shared-providers/guards.json']) {
      const raw = parse({ 'provider-config-ref': reference, services: [{ name: 'APIKEY' }] })
      assert.deepEqual(
        raw.providers.map(({ role, name, enabled, params }) => [role, name, enabled, [...params]]),
        [['federation', 'JWTProvider', true, [['knox.token.exp.server-managed', 'true']]]],
      )
      assert.deepEqual(
        raw.services.map(({ role }) => role),
        ['APIKEY'],
      )
    }
  })

  it('drops services without URLs and parameters, but those that Knox keeps', () => {
    const raw = parse({
      'provider-config-ref': 'guards',
      services: [
        { name: 'KNOXTOKEN' },
        { name: 'CLIENTID' },
        { name: 'OPENAI', urls: ['http://a'] },
        { name: 'KNOX-AUTH-SERVICE', params: { 'ignore.additional.path': true, n: 3 } },
      ],
    })
    assert.deepEqual(
      raw.services.map(({ role, params }) => [role, [...params]]),
      [
        ['CLIENTID', []],
        ['OPENAI', []],
        [
          'KNOX-AUTH-SERVICE',
          [
            ['ignore.additional.path', 'true'],
            ['n', '3'],
          ],
        ],
      ],
    )
    assert.deepEqual(raw.ignored, ['service "KNOXTOKEN", which has neither "urls" nor "params"'])
  })

  it('may be YAML', () => {
    const raw = parseDescriptor(
      'provider-config-ref: guards\nservices:\n  - name: APIKEY\n    params:\n      apikey.knox.token.ttl: 74000\n',
      'd.yaml',
      (name) => shared.get(name),
    )
    assert.deepEqual([...(raw.services[0]?.params ?? [])], [['apikey.knox.token.ttl', '74000']])
  })

  it('is refused with file and reason', () => {
    const cases: [object, RegExp][] = [
      [{}, /^d\.json: Unresolved provider configuration reference: \(none\)$/],
      [{ 'provider-config-ref': 'x' }, /^d\.json: Unresolved provider configuration reference: x$/],
      [{ 'discovery-type': 'ClouderaManager' }, /^d\.json: "discovery-type" is "ClouderaManager"/],
      [{ 'provider-config-ref': 'guards', services: {} }, /^d\.json: "services" must be a list/],
      [{ 'provider-config-ref': 'guards', services: [{}] }, /^d\.json: a service has no "name"$/],
      [
        { 'provider-config-ref': 'guards', services: [{ name: 'A', urls: 'x' }] },
        /^d\.json: service "A": "urls" must be a list/,
      ],
      [
        { 'provider-config-ref': 'guards', services: [{ name: 'A', params: { p: {} } }] },
        /^d\.json: service "A": parameter "p" must be a text/,
      ],
      [[], /^d\.json must hold an object$/],
    ]
    for (const [value, expected] of cases) {
      assert.match(
        problemOf(() => parse(value)),
        expected,
      )
    }
    assert.match(
      problemOf(() => parseDescriptor('{', 'd.json', () => undefined)),
      /^d\.json cannot be read: /,
    )
    const bomb = `a: &a [x, x]\n${Array.from({ length: 30 }, (_, n) => `b${n}: &b${n} [*a, *a]`).join('\n')}`
    assert.match(
      problemOf(() => parseDescriptor(bomb, 'd.yaml', () => undefined)),
      /^d\.yaml/,
    )
  })

  it('shares providers that are written in XML', () => {
    const xml = `<gateway><provider><role>federation</role><name>HeaderPreAuth</name><enabled>true</enabled></provider></gateway>`
    for (const text of [xml, `<topology>${xml}</topology>`]) {
      assert.deepEqual(
        parseSharedProviders(text, 'g.xml').map(({ name }) => name),
        ['HeaderPreAuth'],
      )
    }
  })
})
