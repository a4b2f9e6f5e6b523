import { validateHeaderName, validateHeaderValue } from 'node:http'
import type { FieldLines } from './http-message.ts'

/** The fields that can be sent, each with its value. */
export function sendableFields(lines: FieldLines): [name: string, value: string][] {
  const fields: [string, string][] = []
  for (let index = 0; index + 1 < lines.length; index += 2) {
    const name = lines[index] ?? ''
    const value = lines[index + 1] ?? ''
    if (isSendable(name, value)) fields.push([name, value])
  }
  return fields
}

function isSendable(name: string, value: string): boolean {
  try {
    validateHeaderName(name)
    validateHeaderValue(name, value)
    return true
  } catch {
    return false
  }
}
