import { XMLParser, XMLValidator } from 'fast-xml-parser'
import { TopologyProblem } from './topology-problem.ts'

/** An element of an XML document. */
export type XmlElement = {
  readonly name: string
  readonly attributes: ReadonlyMap<string, string>
  readonly children: readonly XmlElement[]
  /** Its own text without surrounding white space. */
  readonly text: string
}

/** Most characters of a file. */
export const XML_LENGTH_MAX = 1_048_576

/**
 * Reads an XML document. Document types, and entities but those of XML itself, are refused: they could read files and
 * grow without bounds.
 *
 * @throws {TopologyProblem} with line and column where the document is not well formed.
 */
export function parseXml(text: string, file: string): XmlElement {
  if (text.length > XML_LENGTH_MAX) {
    throw new TopologyProblem(`${file} has ${text.length} characters, and ${XML_LENGTH_MAX} is the limit`)
  }
  if (/<!(?:DOCTYPE|ENTITY)/i.test(text)) {
    throw new TopologyProblem(`${file} has a document type or entities of its own, which are not read`)
  }
  const verdict = XMLValidator.validate(text)
  if (verdict !== true) {
    const { msg, line, col } = verdict.err
    throw new TopologyProblem(`${file} is not well-formed XML, line ${line}, column ${col}: ${msg}`)
  }
  const roots = elementsOf(PARSER.parse(text), file)
  const [root] = roots
  if (root === undefined || roots.length > 1) {
    throw new TopologyProblem(`${file} must have one element at its top; it has ${roots.length}`)
  }
  return root
}

const ATTRIBUTES = ':@'
const TEXT = '#text'
const CDATA = '#cdata'

const PARSER = new XMLParser({
  preserveOrder: true,
  ignoreAttributes: false,
  attributeNamePrefix: '',
  allowBooleanAttributes: false,
  parseTagValue: false,
  parseAttributeValue: false,
  trimValues: false,
  // Entities are decoded below, where unknown ones are refused rather than kept as they are.
  processEntities: false,
  ignoreDeclaration: true,
  ignorePiTags: true,
  cdataPropName: CDATA,
})

function elementsOf(nodes: unknown, file: string): readonly XmlElement[] {
  const elements: XmlElement[] = []
  for (const node of listOf(nodes)) {
    for (const [name, children] of Object.entries(node)) {
      if (name === ATTRIBUTES || name === TEXT || name === CDATA) continue
      elements.push({
        name,
        attributes: attributesOf(node[ATTRIBUTES], file),
        children: elementsOf(children, file),
        text: textOf(children, file),
      })
    }
  }
  return elements
}

function textOf(nodes: unknown, file: string): string {
  let text = ''
  for (const node of listOf(nodes)) {
    const plain = node[TEXT]
    if (typeof plain === 'string') text += decode(plain, file)
    for (const piece of listOf(node[CDATA])) text += String(piece[TEXT] ?? '')
  }
  return text.trim()
}

function attributesOf(attributes: unknown, file: string): ReadonlyMap<string, string> {
  if (!isRecord(attributes)) return new Map()
  return new Map(Object.entries(attributes).map(([name, value]) => [name, decode(String(value), file)]))
}

const ENTITIES: ReadonlyMap<string, string> = new Map([
  ['amp', '&'],
  ['lt', '<'],
  ['gt', '>'],
  ['quot', '"'],
  ['apos', "'"],
])

function decode(text: string, file: string): string {
  return text.replaceAll(/&([^;&\s]*);?/g, (whole, name: string) => {
    const known = whole.endsWith(';') ? (ENTITIES.get(name) ?? characterOf(name)) : undefined
    if (known !== undefined) return known
    throw new TopologyProblem(`${file} uses "${whole.slice(0, 40)}", which is no entity of XML itself`)
  })
}

function characterOf(reference: string): string | undefined {
  const match = /^#(?:x([0-9a-fA-F]{1,6})|([0-9]{1,7}))$/.exec(reference)
  if (match === null) return undefined
  const code = match[1] === undefined ? Number(match[2]) : Number.parseInt(match[1], 16)
  const isCharacter = code > 0 && code <= 0x10_ff_ff && !(code >= 0xd8_00 && code <= 0xdf_ff)
  return isCharacter ? String.fromCodePoint(code) : undefined
}

function listOf(value: unknown): readonly Readonly<Record<string, unknown>>[] {
  return Array.isArray(value) ? value.filter(isRecord) : []
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
