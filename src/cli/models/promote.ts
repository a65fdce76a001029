/** `millrace models promote | rollback`: which version samplers of a directory start with. */
import { MillraceError } from '../../errors.ts'
import type { CliIo } from '../io.ts'
import { openStore, openStoreThere, type StoreOptions } from './list.ts'

export async function promoteModel(model: string, options: StoreOptions, io: CliIo): Promise<void> {
  const [name, version, ...rest] = model.split('@')
  if (!version || rest.length > 0) {
    throw new MillraceError('MILLRACE_MODEL_UNKNOWN', `"${model}" names no version`)
  }
  await openStore(options, io).promote(name, version)
  io.stdout.write(`${name}@${version} is live; samplers take it when they start\n`)
}

export async function rollbackModel(name: string, options: StoreOptions, io: CliIo): Promise<void> {
  const version = await (await openStoreThere(options, io)).rollback(name)
  io.stdout.write(`${name}@${version} is live again; samplers take it when they start\n`)
}
