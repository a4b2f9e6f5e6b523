import assert from 'node:assert/strict'

/** A metric as a scraper reads it: values by name of the sample with its labels. */
export type Family = {
  readonly type: string
  readonly help: string
  readonly samples: ReadonlyMap<string, number>
}

const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)((?:\{(?:[a-zA-Z_][a-zA-Z0-9_]*="[^"\\\n]*",?)+\})?) (\S+)$/

/** Reads the text format of Prometheus as strictly as it is defined: each sample below the head of its metric. */
export function parsePrometheus(text: string): ReadonlyMap<string, Family> {
  assert.ok(text.endsWith('\n'))
  const families = new Map<string, { type: string; help: string; samples: Map<string, number> }>()
  let current: { type: string; help: string; samples: Map<string, number> } | undefined
  let name = ''
  for (const line of text.slice(0, -1).split('\n')) {
    const help = /^# HELP (\S+) (.+)$/.exec(line)
    const type = /^# TYPE (\S+) (counter|gauge|histogram)$/.exec(line)
    if (help !== null) {
      name = help[1] ?? ''
      assert.ok(!families.has(name), `${name} comes once`)
      current = { type: '', help: help[2] ?? '', samples: new Map() }
      families.set(name, current)
    } else if (type !== null) {
      assert.equal(type[1], name)
      if (current !== undefined) current.type = type[2] ?? ''
    } else {
      const [, sample = '', labels = '', value = ''] =
        SAMPLE.exec(line) ?? assert.fail(`not a sample: ${line}`)
      const suffix = sample.slice(name.length)
      assert.ok(sample.startsWith(name) && isSuffixOf(current?.type, suffix), `${sample} belongs to ${name}`)
      assert.ok(!current?.samples.has(sample + labels), `${sample}${labels} comes once`)
      current?.samples.set(sample + labels, numberOf(value))
    }
  }
  return families
}

function isSuffixOf(type: string | undefined, suffix: string): boolean {
  return type === 'histogram' ? ['_bucket', '_sum', '_count'].includes(suffix) : suffix === ''
}

function numberOf(text: string): number {
  const value = Number(text)
  assert.ok(!Number.isNaN(value) && text !== '', `${text} is a number`)
  return value
}
