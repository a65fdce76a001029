/** One configuration source: its text, its name, and the way from an offset to line and column. */

export interface LineColumn {
  /** 1-based. */
  readonly line: number
  /** 1-based, in characters as people count them. */
  readonly column: number
}

export class Source {
  /** As given on the command line: a path, `env:VAR`, `yaml`, `--set a.b`. */
  readonly name: string
  readonly text: string
  /** Lines of it may be shown. False where the text is an environment variable. */
  readonly shown: boolean
  #lineStarts: readonly number[] | null = null

  constructor(name: string, text: string, shown = true) {
    this.name = name
    this.text = text
    this.shown = shown
  }

  locate(offset: number): LineColumn {
    const starts = (this.#lineStarts ??= findLineStarts(this.text))
    let low = 0
    let high = starts.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (starts[middle] <= offset) low = middle
      else high = middle - 1
    }
    return { line: low + 1, column: [...this.text.slice(starts[low], offset)].length + 1 }
  }

  /** Text of a 1-based line without its end. */
  line(number: number): string {
    const starts = (this.#lineStarts ??= findLineStarts(this.text))
    const end = number < starts.length ? starts[number] : this.text.length
    return this.text.slice(starts[number - 1], end).replace(/\r?\n$/, '')
  }
}

function findLineStarts(text: string): readonly number[] {
  const starts = [0]
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1)
  return starts
}
