import type { Dialect } from './dialect.ts'
import { sql } from './sql-text.ts'

/** PostgreSQL: texts compare as their database says, so the order by code points has to be asked for. */
export const POSTGRES: Dialect = {
  placeholder: (number) => `$${number}`,
  byCodePoints: (expression) => sql`${expression} COLLATE "C"`,
  isOneOf(expression, values) {
    const [first] = values
    if (values.length === 1 && first !== undefined) return sql`${expression} = ${first}`
    const list = sql`jsonb_array_elements_text(${storedJson(values)}::jsonb)`
    return typeof first === 'number'
      ? sql`${expression} = ANY (ARRAY(SELECT value::float8 FROM ${list} AS value))`
      : sql`${expression} = ANY (ARRAY(SELECT ${list}))`
  },
  isNotTrue: (condition) => sql`(${condition}) IS NOT TRUE`,
}

/*
 * PostgreSQL's texts hold every character but U+0000. So U+0000 is stored as two characters, and U+0001, which those
 * begin with, as well. Neither code begins with the other, and they are in the order of what they stand for: stored texts
 * compare, and begin with each other, as the texts themselves do.
 */

const NUL = '\u0001\u0001'
const ONE = '\u0001\u0002'

/** A text as a column or a member of `jsonb` holds it. Ordinary texts stay what they are. */
export function storedText(text: string): string {
  return hasLeastCharacters(text) ? text.replaceAll('\u0001', ONE).replaceAll('\u0000', NUL) : text
}

/** The text that a stored one stands for. */
export function textOfStored(stored: string): string {
  if (!stored.includes('\u0001')) return stored
  let text = ''
  for (let index = 0; index < stored.length; index += 1) {
    const unit = stored.charAt(index)
    if (unit !== '\u0001') text += unit
    else {
      index += 1
      text += stored.charAt(index) === '\u0001' ? '\u0000' : '\u0001'
    }
  }
  return text
}

/**
 * JSON for a parameter of type `jsonb`, which knows neither U+0000 nor halves of surrogate pairs; those become U+FFFD, as
 * they do in columns. Only names and texts change.
 */
export function storedJson(value: unknown): string {
  return JSON.stringify(value, (_, member: unknown) => {
    if (typeof member === 'string') return storedText(member.toWellFormed())
    return isPlainObject(member) ? withStoredNames(member) : member
  })
}

function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function withStoredNames(value: Readonly<Record<string, unknown>>): unknown {
  if (!Object.keys(value).some(isNameToChange)) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [storedText(name.toWellFormed()), member]),
  )
}

function isNameToChange(name: string): boolean {
  return hasLeastCharacters(name) || !name.isWellFormed()
}

function hasLeastCharacters(text: string): boolean {
  return text.includes('\u0000') || text.includes('\u0001')
}
