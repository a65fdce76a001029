/** Which files a list of paths names, where the last part of each may be a glob. */
import { readdirSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { FileSet } from '../../net/file-watch.ts'
import { isGlob, matchesGlob } from '../../util/glob.ts'

export const MAX_FILES = 4096

/**
 * In the order of the patterns, those of one by name. A path without glob is named whether it is there or not. One more than
 * `MAX_FILES` says that there are too many.
 */
export function listFiles(patterns: readonly string[]): readonly string[] {
  return [...new Set(patterns.flatMap(expand))].slice(0, MAX_FILES + 1)
}

export function fileSet(patterns: readonly string[]): FileSet {
  return {
    folders: [...new Set(patterns.map(pattern => dirname(pattern)))],
    list: () => Promise.resolve(listFiles(patterns)),
  }
}

function expand(pattern: string): string[] {
  const name = basename(pattern)
  if (!isGlob(name)) return [pattern]
  const folder = dirname(pattern)
  return namesIn(folder)
    .filter(each => matchesGlob(name, each) && (name.startsWith('.') || !each.startsWith('.')))
    .sort()
    .map(each => join(folder, each))
}

/** A folder that is not there yet may come. */
function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}
