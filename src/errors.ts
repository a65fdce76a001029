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
  // -- command line -------------------------------------------------------------------------------------------
  MILLRACE_CLI_NO_CONFIG: {
    message: 'No configuration was named.',
    hint: 'Add --config with a path, file:path, env:VAR or yaml:text; ready ones are in pipelines/.',
  },
  MILLRACE_CLI_BAD_DURATION: {
    message: 'This is not a duration.',
    hint: 'Write a number with a unit, such as 500ms, 8s or 1m30s.',
  },
  MILLRACE_CLI_BAD_TIME: {
    message: 'This is neither a duration nor a time.',
    hint: 'Write how far back, such as 90m or 24h, or a time such as 2026-01-31T12:00Z.',
  },
  MILLRACE_CLI_UNFORESEEN: {
    message: 'Something failed that nobody foresaw.',
    hint: 'This is a fault in Millrace; please report it with the stack that is printed.',
  },
  // -- life ---------------------------------------------------------------------------------------------------
  MILLRACE_START_FAILED: {
    message: 'A component could not start.',
    hint: 'The component and the cause are named; an address in use or a missing certificate file are common.',
  },
  // -- kafka --------------------------------------------------------------------------------------------------
  MILLRACE_KAFKA_DRIVER_MISSING: {
    message: 'The Kafka client library is not installed.',
    hint: 'Install the package that is named beside Millrace, or leave out `driver` to use kafkajs, which comes with it.',
  },
  MILLRACE_KAFKA_LOG_BROKEN: {
    message: 'The log of a Kafka partition contradicts itself.',
    hint: 'The broker hands out records and then denies them: its files are damaged. Restore them from a replica and restart the collector, or make the topic anew.',
  },
  // -- otlp (answers to clients) ------------------------------------------------------------------------------
  MILLRACE_OTLP_MALFORMED: {
    message: 'The request is not a valid OTLP message.',
    hint: 'The fault and its byte offset are named; the sender should be fixed, resending will not help.',
  },
  // -- tenants ------------------------------------------------------------------------------------------------
  MILLRACE_TENANTS_INVALID: {
    message: 'The tenant files are not valid.',
    hint: 'Each problem names file, line and column; `millrace validate` checks them without starting.',
  },
  // -- identity -----------------------------------------------------------------------------------------------
  MILLRACE_IDENTITY_FILE_UNREADABLE: {
    message: 'A file with credentials cannot be read.',
    hint: 'Check the path and its permissions; such a file is a regular file that the collector may read.',
  },
  MILLRACE_IDENTITY_FILE_INVALID: {
    message: 'A file with credentials is not valid.',
    hint: 'The place is named, never what stands there; docs/security.md tells the formats.',
  },
  MILLRACE_IDENTITY_KEYS_INVALID: {
    message: 'The file of API keys is not valid.',
    hint: 'It is written by `millrace tenants key`; restore it from a copy if it was edited by hand.',
  },
  MILLRACE_IDENTITY_KEYS_UNWRITABLE: {
    message: 'The file of API keys cannot be written.',
    hint: 'Check the permissions of its folder; a new file is written there and renamed over the old one.',
  },
  MILLRACE_IDENTITY_KEY_UNKNOWN: {
    message: 'There is no such API key.',
    hint: '`millrace tenants key list` shows the ids of all keys; a revoked or expired key cannot be rotated.',
  },
  MILLRACE_IDENTITY_KEY_USAGE: {
    message: 'The command about API keys cannot be run like this.',
    hint: 'The option and what it expects are named; `millrace tenants key --help` lists all.',
  },
  MILLRACE_AUDIT_UNWRITABLE: {
    message: 'The audit log cannot be written.',
    hint: 'Check the path, its permissions and the disk; what is audited is not done without its line.',
  },
  MILLRACE_AUDIT_UNREADABLE: {
    message: 'The audit log cannot be read.',
    hint: 'Check the path and its permissions; --audit names the file.',
  },
  // -- sampler ------------------------------------------------------------------------------------------------
  MILLRACE_SAMPLER_RECORDING: {
    message: 'A recording of traces cannot be read.',
    hint: 'A recording is a folder with traces.jsonl.gz, labels.csv.gz, dict.json and faults.json.',
  },
  // -- rules --------------------------------------------------------------------------------------------------
  MILLRACE_RULES_SYNTAX: {
    message: 'The expression is not OTTL.',
    hint: 'The caret shows where reading stopped; docs/ottl.md has the grammar.',
  },
  MILLRACE_RULES_UNKNOWN_NAME: {
    message: 'The expression names something that does not exist.',
    hint: 'The caret shows the name and the nearest valid one follows; docs/ottl.md lists all.',
  },
  MILLRACE_RULES_ARGUMENTS: {
    message: 'A function is called with arguments that it cannot take.',
    hint: 'The caret shows the argument; docs/ottl.md has the signature of each function.',
  },
  MILLRACE_RULES_INVALID: {
    message: 'The rule files are not valid.',
    hint: 'Each problem names file, line and column; `millrace rules check FILE` tells them without starting.',
  },
  MILLRACE_RULES_UNREADABLE: {
    message: 'A file cannot be read.',
    hint: 'Check the path and its permissions; paths are relative to the working directory.',
  },
  MILLRACE_RULES_CASES_FAILED: {
    message: 'Cases of the rule files do not come out as expected.',
    hint: '`millrace rules test FILE` shows for each case what was expected and what came out.',
  },
  MILLRACE_ADMIN_UNREACHABLE: {
    message: 'The running collector cannot be asked.',
    hint: 'Name its admin socket with --socket; `run --admin-socket PATH` says where it is.',
  },
  // -- storage ------------------------------------------------------------------------------------------------
  MILLRACE_STORAGE_MISSING: {
    message: 'There is no such storage.',
    hint: '`sending_queue.storage` names an extension that stores, such as file_storage, listed in service.extensions.',
  },
  MILLRACE_STORAGE_LOCKED: {
    message: 'The folder of the storage is in use.',
    hint: 'One process, and one extension in it, works in a folder; the process is named. Stop it, or set another `directory`.',
  },
  MILLRACE_STORAGE_FOLDER: {
    message: 'The folder of the storage cannot be used.',
    hint: 'Check `directory`, its permissions and that its disk is not read-only; `create_directory: true` creates it.',
  },
  // -- queues -------------------------------------------------------------------------------------------------
  MILLRACE_QUEUE_USAGE: {
    message: 'The queue command cannot be run like this.',
    hint: 'What is wrong is named; `millrace queue --help` and `millrace queue letters --help` list the options.',
  },
  MILLRACE_QUEUE_FOLDER: {
    message: 'This folder of a storage cannot be looked into.',
    hint: '--directory is the `directory` of a file_storage whose collector does not run now.',
  },
  // -- models -------------------------------------------------------------------------------------------------
  MILLRACE_MODEL_UNKNOWN: {
    message: 'There is no such model.',
    hint: '`millrace models list` shows the models and their versions; --directory names where own ones are kept.',
  },
  MILLRACE_MODEL_DIRECTORY: {
    message: 'The directory of own models is not there.',
    hint: 'Is the path right, and the volume mounted? `millrace models train --directory` makes it; without `models_directory` the models of the package are used.',
  },
  MILLRACE_MODEL_INVALID: {
    message: 'The model cannot be used.',
    hint: 'The file and what is wrong with it are named; `millrace models verify` checks all.',
  },
  MILLRACE_MODEL_REFUSED: {
    message: 'The models stay as they are.',
    hint: 'What stands in the way is named; `millrace models list` shows which versions there are.',
  },
  // -- generate -----------------------------------------------------------------------------------------------
  MILLRACE_GENERATE_USAGE: {
    message: 'The load generator cannot be run like this.',
    hint: 'The option and what it expects are named; `millrace generate --help` lists all.',
  },
  MILLRACE_GENERATE_NO_ANSWER: {
    message: 'The target of the load generator answered no request.',
    hint: 'Check that a receiver listens at --endpoint, with the --protocol and TLS that were asked for.',
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
