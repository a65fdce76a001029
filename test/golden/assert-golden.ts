/** Compares with a file beside this one; `UPDATE_GOLDEN=1` writes it anew, to be reviewed as a diff. */
import assert from 'node:assert/strict'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

export async function assertGolden(name: string, actual: string): Promise<void> {
  const path = join(import.meta.dirname, name)
  if (process.env.UPDATE_GOLDEN === '1') {
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, actual)
  }
  assert.equal(actual, await readFile(path, 'utf8'))
}
