/** Longest field that is read; Knox's have at most 256 characters. */
const FIELD_CHARACTERS_MAX = 65_536
/** Most fields of a record. */
const FIELDS_MAX = 100

/**
 * Records of RFC 4180, read as they come. A quoted field may hold commas, quotes (doubled) and ends of lines; lines end
 * with LF or CRLF, and empty ones are no records.
 *
 * @throws {Error} a quote is never closed, or a field or record is too long to be one of Knox's.
 */
export async function* readCsv(chunks: AsyncIterable<string>): AsyncGenerator<readonly string[]> {
  const reader = new CsvReader()
  for await (const chunk of chunks) {
    for (const character of chunk) {
      const record = reader.take(character)
      if (record !== undefined) yield record
    }
  }
  const last = reader.end()
  if (last !== undefined) yield last
}

class CsvReader {
  #record: string[] = []
  #field = ''
  #state: 'plain' | 'quoted' | 'closed' = 'plain'
  #isFirst = true

  /** The record that ended with the character, if one did. */
  take(character: string): readonly string[] | undefined {
    const isMark = this.#isFirst && character === '\uFEFF'
    this.#isFirst = false
    if (isMark) return undefined
    if (this.#state === 'quoted') {
      if (character === '"') this.#state = 'closed'
      else this.#add(character)
      return undefined
    }
    if (character === '"') return this.#quote()
    if (character === ',') return this.#endField()
    if (character === '\n') return this.#endRecord()
    if (character !== '\r') this.#add(character)
    return undefined
  }

  /** The last record, when no end of line follows it. */
  end(): readonly string[] | undefined {
    if (this.#state === 'quoted') throw new Error('a quote is not closed before the end of the file')
    return this.#endRecord()
  }

  #quote(): undefined {
    // A second quote: the field goes on with one.
    if (this.#state === 'closed') this.#add('"')
    this.#state = 'quoted'
  }

  #add(character: string): void {
    if (this.#field.length >= FIELD_CHARACTERS_MAX) {
      throw new Error(`a field has more than ${FIELD_CHARACTERS_MAX} characters`)
    }
    this.#field += character
  }

  #endField(): undefined {
    if (this.#record.length >= FIELDS_MAX) throw new Error(`a record has more than ${FIELDS_MAX} fields`)
    this.#record.push(this.#field)
    this.#field = ''
    this.#state = 'plain'
  }

  #endRecord(): readonly string[] | undefined {
    const isEmpty = this.#record.length === 0 && this.#field === '' && this.#state === 'plain'
    if (isEmpty) return undefined
    this.#endField()
    const record = this.#record
    this.#record = []
    return record
  }
}
