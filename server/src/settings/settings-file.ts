import { getNodeValue, type Node, type ParseError, parseTree, printParseErrorCode } from 'jsonc-parser'
import type { GivenValue, SettingsProblem, SettingsSource } from './given-values.ts'
import { isSection, settingNamed } from './setting-names.ts'
import { unknownSetting } from './unknown-setting.ts'

/** Reads a configuration file: JSON with comments, where `{"a": {"b": 1}}` and `{"a.b": 1}` both set `a.b`. */
export function readSettingsFile(path: string, content: string): SettingsSource {
  const errors: ParseError[] = []
  const root = parseTree(content, errors, { allowTrailingComma: true })
  const at = (offset: number): string => `${path} line ${content.slice(0, offset).split('\n').length}`
  if (errors.length > 0 || root?.type !== 'object') {
    const [error] = errors
    const problem = error === undefined ? 'it must hold one JSON object' : printParseErrorCode(error.error)
    return { values: [], problems: [{ source: at(error?.offset ?? 0), message: `not readable: ${problem}` }] }
  }
  const values: GivenValue[] = []
  const problems: SettingsProblem[] = []
  const open: { readonly path: string; readonly node: Node }[] = [{ path: '', node: root }]
  // Each member is visited once: bounded by the length of the file.
  for (let next = open.shift(); next !== undefined; next = open.shift()) {
    for (const member of membersOf(next.node)) {
      const name = next.path === '' ? member.name : `${next.path}.${member.name}`
      const setting = settingNamed(name)
      const source = `${at(member.offset)}: ${name}`
      if (setting !== undefined) values.push({ setting, value: getNodeValue(member.node), source })
      else if (!isSection(name)) problems.push({ source, message: unknownSetting(name) })
      else if (member.node.type === 'object') open.push({ path: name, node: member.node })
      else problems.push({ source, message: 'must be an object that holds settings' })
    }
  }
  return { values, problems }
}

type Member = { readonly name: string; readonly node: Node; readonly offset: number }

function membersOf(object: Node): readonly Member[] {
  return (object.children ?? []).flatMap((property) => {
    const [key, node] = property.children ?? []
    return key === undefined || node === undefined
      ? []
      : [{ name: String(key.value), node, offset: key.offset }]
  })
}
