/** Where things lie in the folder of a storage. Apart because commands look into folders that no storage runs in. */
import { join } from 'node:path'
import type { Signal } from '../../core/signal.ts'
import { pathSegment } from '../path-segment.ts'

/** Says which process works in the folder. */
export const LOCK_FILE = 'millrace.lock'
/** Says how processes before this one ended. */
export const STATE_FILE = 'millrace.state'
export const QUEUES_FOLDER = 'queues'

/** Folder of the queues of an exporter and signal; each tenant has one in it. */
export function queueFolder(directory: string, exporter: string, signal: Signal): string {
  return join(directory, QUEUES_FOLDER, pathSegment(exporter), pathSegment(signal))
}
