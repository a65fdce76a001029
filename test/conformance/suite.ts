/** What a conformance suite is: a named set of external cases from one data file or folder, each judged on its own. */

export interface CaseResult {
  /** Stable id of the case, unique in its suite. */
  readonly id: string
  /** Undefined when the case passed; else what was expected and what came. */
  readonly failure?: string
  /** The product has nothing yet that could be asked; counted apart, and said. */
  readonly isUnjudged?: boolean
}

export interface Suite {
  /** Named after its data file, without the ending. */
  readonly name: string
  /** File or folder below the data root. */
  readonly path: string
  run(path: string): AsyncIterable<CaseResult> | Iterable<CaseResult>
}

/** Turns a check that throws into a result. */
export async function judge(id: string, check: () => void | Promise<void>): Promise<CaseResult> {
  try {
    await check()
    return { id }
  } catch (error) {
    return { id, failure: error instanceof Error ? error.message : String(error) }
  }
}
