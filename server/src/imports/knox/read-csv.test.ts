import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { readCsv } from './read-csv.ts'

async function read(...chunks: string[]): Promise<readonly (readonly string[])[]> {
  const records: (readonly string[])[] = []
  for await (const record of readCsv(Readable.from(chunks))) records.push(record)
  return records
}

describe('records of a CSV file', () => {
  test('are read whatever is quoted, however lines end, and wherever the file was cut', async () => {
    const text = '\uFEFFa,"b,1"\r\n\r\n"say ""hi""\nthere",\n,""\nlast,one'
    const expected = [
      ['a', 'b,1'],
      ['say "hi"\nthere', ''],
      ['', ''],
      ['last', 'one'],
    ]
    assert.deepEqual(await read(text), expected)
    assert.deepEqual(await read(...text), expected)
    assert.deepEqual(await read(''), [])
  })

  test('come back as they were written', async () => {
    const field = fc.string({ unit: fc.constantFrom('a', '"', ',', '\n', '\r', ' ', 'ü', '😀') })
    const record = fc.array(field, { minLength: 1, maxLength: 4 })
    await fc.assert(
      fc.asyncProperty(fc.array(record), fc.nat(20), async (records, size) => {
        const quoted = records.map((fields) =>
          fields.map((text) => `"${text.replaceAll('"', '""')}"`).join(','),
        )
        const text = `${quoted.join('\n')}\n`
        const chunks = text.match(new RegExp(`[^]{1,${size + 1}}`, 'gu')) ?? []
        assert.deepEqual(await read(...chunks), records)
      }),
    )
  })

  test('that cannot be ones of Knox are refused', async () => {
    await assert.rejects(read('a,"b\n'), /not closed/)
    await assert.rejects(read('x'.repeat(70_000)), /65536/)
    await assert.rejects(read(','.repeat(200)), /100 fields/)
  })
})
