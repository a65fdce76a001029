/**
 * A sender as a process of its own, so that what it measures is not what the test does at the same time. Told by messages
 * to begin and to end; answers the end with what it counted.
 */
import { fork } from 'node:child_process'
import { setPriority } from 'node:os'
import { fileURLToPath } from 'node:url'
import { type LoadOptions, NumberedLoad } from './numbered-load.ts'

type Command =
  | { readonly begin: Omit<LoadOptions, 'book'> }
  /** `itself`: waits for the end that the options set. */
  | { readonly end: 'now' | 'itself' }

export interface LoadSlice {
  readonly accepted: number
  readonly refused: number
  readonly unknown: number
  readonly seconds: number
  readonly latenciesMs: readonly number[]
  readonly nextNumber: number
}

export interface LoadChild {
  begin(options: Omit<LoadOptions, 'book'>): void
  end(itself?: boolean): Promise<LoadSlice>
  close(): void
}

/** `niceness` above 0 makes it give way to others on a busy machine, as if it ran on another one. */
export function forkLoad(niceness = 0): LoadChild {
  const child = fork(fileURLToPath(import.meta.url), { execArgv: ['--import', 'tsx'] })
  if (niceness > 0 && child.pid !== undefined) setPriority(child.pid, niceness)
  const ended = new Promise<never>((_resolve, reject) =>
    child.once('exit', () => reject(new Error('the sender ended'))),
  )
  ended.catch(() => {})
  return {
    begin: options => void child.send({ begin: options } satisfies Command),
    end: (itself = false) => {
      const slice = new Promise<LoadSlice>(resolve =>
        child.once('message', message => resolve(message as LoadSlice)),
      )
      child.send({ end: itself ? 'itself' : 'now' } satisfies Command)
      return Promise.race([slice, ended])
    },
    close: () => void child.kill(),
  }
}

/** Serves the parent; ends when the parent does. */
function serve(): void {
  let load: NumberedLoad | null = null
  process.on('disconnect', () => process.exit(0))
  process.on('message', (command: Command) => {
    if ('begin' in command) load = new NumberedLoad(command.begin)
    else if (load !== null) void report(load, command.end)
  })
}

async function report(load: NumberedLoad, end: 'now' | 'itself'): Promise<void> {
  await (end === 'now' ? load.stop() : load.done)
  const { counts, seconds, latenciesMs, nextNumber } = load
  const { accepted, refused, unknown } = counts
  process.send!({ accepted, refused, unknown, seconds, latenciesMs, nextNumber })
}

if (process.send !== undefined && process.argv[1] === fileURLToPath(import.meta.url)) serve()
