/** `millrace models list | verify`: what weights there are, and whether they can be used. */
import { resolve } from 'node:path'
import { MillraceError } from '../../errors.ts'
import { findColumns } from '../../sampler/models/model.ts'
import { ModelStore, type StoredVersion } from '../../sampler/models/store.ts'
import { VECTOR_NAMES } from '../../sampler/observe/vector.ts'
import { type CliIo, EXIT } from '../io.ts'

export interface StoreOptions {
  readonly directory?: string
}

interface ListOptions extends StoreOptions {
  readonly json: boolean
}

export function openStore(options: StoreOptions, io: CliIo): ModelStore {
  const { directory } = options
  return new ModelStore(directory === undefined ? null : resolve(io.cwd, directory))
}

/** For what only reads: a directory that is named must be there. */
export async function openStoreThere(options: StoreOptions, io: CliIo): Promise<ModelStore> {
  const store = openStore(options, io)
  await store.requireThere()
  return store
}

export async function listModels(options: ListOptions, io: CliIo): Promise<void> {
  const store = await openStoreThere(options, io)
  const rows = []
  for (const entry of await store.list()) {
    const problem = await store.verify(entry)
    const manifest =
      problem === null ? (await store.read(entry.name, entry.version)).manifest : null
    rows.push({
      ...{ name: entry.name, version: entry.version, live: entry.live, origin: entry.origin },
      ...{ folder: entry.folder, problem },
      features: manifest?.features.length ?? null,
      hidden: manifest?.hidden ?? null,
      auc: manifest?.scores.auc ?? null,
      created: manifest?.created ?? null,
    })
  }
  if (options.json) {
    io.stdout.write(`${JSON.stringify(rows, null, 2)}\n`)
    return
  }
  if (rows.length === 0) io.stdout.write('there are no models here\n')
  const table = rows.map(row => [
    row.live ? '*' : ' ',
    `${row.name}@${row.version}`,
    row.origin,
    row.problem === null ? `${row.features}-${row.hidden}-1` : 'broken',
    row.auc === null ? '' : `AUC ${row.auc.toFixed(3)}`,
    row.problem ?? row.created?.slice(0, 10) ?? '',
  ])
  const widths = [0, 1, 2, 3, 4].map(i => Math.max(...table.map(line => line[i].length)))
  for (const line of table) {
    io.stdout.write(
      `${line
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd()}\n`,
    )
  }
}

export async function verifyModels(
  names: readonly string[],
  options: ListOptions,
  io: CliIo,
): Promise<void> {
  const store = await openStoreThere(options, io)
  const chosen = choose(await store.list(), names)
  const rows = []
  for (const entry of chosen) {
    const problem = (await store.verify(entry)) ?? (await findMissing(store, entry))
    rows.push({ model: `${entry.name}@${entry.version}`, folder: entry.folder, problem })
  }
  if (options.json) io.stdout.write(`${JSON.stringify(rows, null, 2)}\n`)
  else {
    for (const { model, problem } of rows) io.stdout.write(`${model}: ${problem ?? 'good'}\n`)
  }
  if (rows.some(row => row.problem !== null)) io.setExitCode(EXIT.failed)
}

/** Columns that the weights read and this build does not have. */
async function findMissing(store: ModelStore, entry: StoredVersion): Promise<string | null> {
  const { manifest } = await store.read(entry.name, entry.version)
  const { missing } = findColumns(VECTOR_NAMES, manifest.features)
  return missing.length === 0 ? null : `this build has no ${missing.join(', ')}`
}

function choose(all: readonly StoredVersion[], names: readonly string[]): readonly StoredVersion[] {
  if (names.length === 0) return all
  return names.flatMap(name => {
    const found = all.filter(
      entry => entry.name === name || `${entry.name}@${entry.version}` === name,
    )
    if (found.length === 0) throw new MillraceError('MILLRACE_MODEL_UNKNOWN', name)
    return found
  })
}
