/**
 * Every coded error in one table: code, message, what to do. `docs/errors.md` is checked against it.
 * Messages are for people; codes are for programs and searches and never change their meaning.
 */

export interface ErrorEntry {
  /** One sentence; details are appended by the thrower. */
  readonly message: string
  /** What the reader can do about it. */
  readonly hint: string
}

export const ERRORS = {
  // -- configuration ------------------------------------------------------------------------------------------
  MILLRACE_CONFIG_INVALID: {
    message: 'The configuration is not valid.',
    hint: 'Each problem below names file, line and column; `millrace validate` checks without starting.',
  },
  MILLRACE_CONFIG_UNREADABLE: {
    message: 'A configuration source cannot be read.',
    hint: 'Check the path and the permissions of the file named in --config.',
  },
  // -- life ---------------------------------------------------------------------------------------------------
  MILLRACE_START_FAILED: {
    message: 'A component could not start.',
    hint: 'The component and the cause are named; an address in use or a missing certificate file are common.',
  },
  // -- otlp (answers to clients) ------------------------------------------------------------------------------
  MILLRACE_OTLP_MALFORMED: {
    message: 'The request is not a valid OTLP message.',
    hint: 'The fault and its byte offset are named; the sender should be fixed, resending will not help.',
  },
} as const satisfies Record<string, ErrorEntry>

export type ErrorCode = keyof typeof ERRORS

/** An error with a code from the table. `detail` is appended to the table's message. */
export class MillraceError extends Error {
  readonly code: ErrorCode
  readonly hint: string

  constructor(code: ErrorCode, detail = '', options?: ErrorOptions) {
    super(detail === '' ? ERRORS[code].message : `${ERRORS[code].message} ${detail}`, options)
    this.name = 'MillraceError'
    this.code = code
    this.hint = ERRORS[code].hint
  }
}
