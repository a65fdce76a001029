/** One value of comma-separated fields, read as Go's encoding/csv reads it, with what the reference makes of line breaks. */

/** Throws Error. */
export function readCsvRow(row: string, comma: string, isLazy: boolean): string[] {
  if (comma === '\0' || /^["\r\n\ufffd\p{Cs}]$/u.test(comma)) {
    throw new Error('read csv line: csv: invalid field or comment delimiter')
  }
  const reader = new RecordReader(row, comma, isLazy)
  let joined: string[] | undefined
  for (;;) {
    const line = reader.next()
    if (line === null) break
    if (joined === undefined) {
      joined = line
      continue
    }
    // A line break in the middle of a field: the next line goes on with it.
    joined[joined.length - 1] += `\n${line[0]}`
    for (let i = 1; i < line.length; i++) joined.push(line[i])
  }
  if (joined === undefined) throw new Error('no csv lines found')
  return joined
}

class RecordReader {
  readonly #lines: readonly string[]
  readonly #comma: string
  readonly #isLazy: boolean
  #next = 0

  constructor(text: string, comma: string, isLazy: boolean) {
    this.#lines = linesOf(text)
    this.#comma = comma
    this.#isLazy = isLazy
  }

  /** Null at the end. A fault counts only when nothing was read before it in its line. */
  next(): string[] | null {
    while (/^\n?$/.test(this.#lines[this.#next] ?? 'end')) this.#next++
    if (this.#next >= this.#lines.length) return null
    const fields: string[] = []
    const fault = this.#readFields(this.#lines[this.#next++], fields)
    if (fault !== undefined && fields.length === 0) throw new Error(`read csv line: ${fault}`)
    return fields
  }

  #readFields(first: string, fields: string[]): string | undefined {
    let line: string | undefined = first
    while (line !== undefined) {
      if (line.startsWith('"')) {
        const quoted = this.#readQuoted(line.slice(1))
        if (quoted.fault !== undefined) return quoted.fault
        fields.push(quoted.field)
        line = quoted.rest
        continue
      }
      const at: number = line.indexOf(this.#comma)
      const field: string = at < 0 ? line.replace(/\n$/, '') : line.slice(0, at)
      if (!this.#isLazy && field.includes('"')) return 'bare " in non-quoted-field'
      fields.push(field)
      line = at < 0 ? undefined : line.slice(at + this.#comma.length)
    }
    return undefined
  }

  /** From behind the opening quote; `rest` is what follows the comma behind it, undefined at the end of the record. */
  #readQuoted(from: string): { field: string; rest?: string; fault?: string } {
    let line = from
    let field = ''
    for (;;) {
      const at = line.indexOf('"')
      if (at < 0 && line !== '') {
        field += line
        line = this.#lines[this.#next++] ?? ''
        continue
      }
      if (at < 0) return { field, fault: this.#isLazy ? undefined : 'extraneous or missing "' }
      field += line.slice(0, at)
      line = line.slice(at + 1)
      if (line.startsWith('"')) {
        field += '"'
        line = line.slice(1)
      } else if (line.startsWith(this.#comma)) {
        return { field, rest: line.slice(this.#comma.length) }
      } else if (line === '' || line === '\n') {
        return { field }
      } else if (this.#isLazy) {
        field += '"'
      } else {
        return { field, fault: 'extraneous or missing "' }
      }
    }
  }
}

/** Each with its line break, which is `\n`; a carriage return at the very end is dropped. */
function linesOf(text: string): string[] {
  const lines = text.match(/[^\n]*\n|[^\n]+$/g) ?? []
  return lines.map(line => line.replace(/\r\n$/, '\n').replace(/\r$/, ''))
}
