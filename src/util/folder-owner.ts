/**
 * Files that an operator's command makes and the collector reads or goes on writing. Who runs such a command as root must
 * not leave behind what the collector, as another user, cannot open.
 */
import { type FileHandle, stat } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Where root has made `file` at `path`, it belongs to the owner of its folder afterwards. Others have no such right. */
export async function giveToFolderOwner(file: FileHandle, path: string): Promise<void> {
  if (process.getuid?.() !== 0) return
  const { uid, gid } = await stat(dirname(path))
  if (uid !== 0) await file.chown(uid, gid)
}
