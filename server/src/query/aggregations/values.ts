import type { PreparedDocument } from '../prepared-document.ts'
import type { Value, ValueSource } from './aggregation.ts'

/** The values of a document, in the order of the document. */
export function valuesOf(source: ValueSource, document: PreparedDocument): readonly Value[] {
  const values = indexedValues(source, document)
  return values.length === 0 && source.missing !== undefined ? [source.missing] : values
}

/** As `valuesOf`, for sources of numbers. */
export function numbersOf(source: ValueSource, document: PreparedDocument): readonly number[] {
  return valuesOf(source, document).filter((value) => typeof value === 'number')
}

function indexedValues(source: ValueSource, document: PreparedDocument): readonly Value[] {
  if (source.path === '_id') return [document.id]
  const field = document.field(source.path)
  return field === undefined || field.kind === 'text' ? [] : field.values
}

/** A number as Java prints it: `50.0`, `1.5E9`. */
export function printDouble(value: number): string {
  const size = Math.abs(value)
  if (value === 0 || (size >= 1e-3 && size < 1e7)) return withPoint(String(value))
  const [digits = '', exponent = ''] = value.toExponential().split('e')
  return `${withPoint(digits)}E${Number(exponent)}`
}

function withPoint(digits: string): string {
  return digits.includes('.') ? digits : `${digits}.0`
}
