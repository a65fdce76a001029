/**
 * What a command has of the process around it. Commands take everything from here, so that tests run them without a
 * process, and `main.ts` stays the only caller of `process.exit`.
 *
 * Every `src/cli/<command>.ts` exports `register(program: Command, io: CliIo): void`, which adds the command to the
 * program. Registering is cheap: what an action needs beyond commander it imports when it runs.
 */

export interface TextSink {
  write(text: string): unknown
  /** True where colours and redrawn lines make sense. */
  readonly isTTY?: boolean
}

export type SignalName = 'SIGINT' | 'SIGTERM' | 'SIGHUP' | 'SIGUSR1' | 'SIGUSR2'

export interface CliIo {
  readonly stdout: TextSink
  readonly stderr: TextSink
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  /** What the process ends with once the command is done; the greatest code set counts. See `EXIT`. */
  setExitCode(code: number): void
  /** Calls `handler` at each such signal; returns how to stop that. */
  onSignal(name: SignalName, handler: () => void): () => void
}

/** Exit codes of every command. */
export const EXIT = {
  ok: 0,
  /** The configuration is not valid, a component could not start, items were lost, or anything unforeseen. */
  failed: 1,
  /** The command line is wrong. */
  usage: 2,
} as const
