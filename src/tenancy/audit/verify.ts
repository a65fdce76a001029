/** Reads an audit log from its beginning and says whether anything was changed, taken out or put in between. */
import { createReadStream } from 'node:fs'
import { MillraceError } from '../../errors.ts'
import { type AuditRecord, MAX_LINE_BYTES, parseLine, START } from './audit-line.ts'

/** More problems than this are counted, not told. */
const MAX_PROBLEMS = 100

export interface AuditProblem {
  /** Of the file, from 1. */
  readonly line: number
  readonly message: string
}

export interface AuditReport {
  readonly records: number
  readonly problems: readonly AuditProblem[]
  readonly problemCount: number
  /** Of the last line that is whole: whoever notes it can later see that nothing before it is gone. */
  readonly head: string
}

/** `each` sees every line that is whole, in order. Rejects with a `MillraceError` when the file cannot be read. */
export async function verifyAudit(
  path: string,
  each: (record: AuditRecord) => void = () => {},
): Promise<AuditReport> {
  const problems: AuditProblem[] = []
  let problemCount = 0
  let line = 0
  let records = 0
  let before = START
  const blame = (message: string): void => {
    if (++problemCount <= MAX_PROBLEMS) problems.push({ line, message })
  }
  for await (const text of readLines(path)) {
    line++
    const read = parseLine(text)
    if (typeof read === 'string') {
      blame(read)
      continue
    }
    if (read.prev !== before.hash) blame('does not follow the line before it')
    else if (read.n !== before.n + 1) blame(`has the number ${read.n} instead of ${before.n + 1}`)
    before = read
    records++
    each(read)
  }
  return { records, problems, problemCount, head: before.hash }
}

/** Lines that are longer than any of ours come in pieces, each of which is none. */
async function* readLines(path: string): AsyncGenerator<string> {
  let rest = ''
  try {
    for await (const chunk of createReadStream(path, 'utf8')) {
      const lines = (rest + chunk).split('\n')
      rest = lines.pop()!
      yield* lines
      if (rest.length <= MAX_LINE_BYTES) continue
      yield rest
      rest = ''
    }
  } catch (error) {
    const { message } = error as Error
    throw new MillraceError('MILLRACE_AUDIT_UNREADABLE', `${path}: ${message}.`, { cause: error })
  }
  if (rest !== '') yield rest
}
