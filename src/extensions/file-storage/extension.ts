/** The `file_storage` extension: takes the folder for this process, and opens queues, checkpoints and the box of dead letters in it. */
import type { Component, Host } from '../../core/component.ts'
import type { CreateContext } from '../../core/factory.ts'
import type { HasLetterControl, LetterControl } from '../../core/queue-control.ts'
import type {
  Checkpoints,
  HasCheckpoints,
  HasQueueStorage,
  QueueStorage,
} from '../../core/storage.ts'
import type { FileStorageConfig } from './config.ts'
import { type FolderInUse, takeFolder } from './folder-in-use.ts'

export class FileStorageExtension
  implements Component, HasQueueStorage, HasLetterControl, HasCheckpoints
{
  readonly #context: CreateContext<FileStorageConfig>
  #folder: FolderInUse | null = null
  /** There from the start on. */
  declare queueStorage: QueueStorage
  declare letterControl: LetterControl
  declare checkpoints: Checkpoints

  constructor(context: CreateContext<FileStorageConfig>) {
    this.#context = context
  }

  async start(host: Host): Promise<void> {
    const folder = await takeFolder(this.#context, problem => {
      if (problem === null) host.reportStatus(this.#context.id, 'ok')
      else host.reportStatus(this.#context.id, 'recoverable_error', problem)
    })
    this.#folder = folder
    this.queueStorage = folder
    this.letterControl = folder.letters
    this.checkpoints = folder.checkpoints
  }

  async stop(): Promise<void> {
    const folder = this.#folder
    this.#folder = null
    await folder?.leave()
  }
}
