/** Go takes several groups of one name, re2js does not: it is given names of our own instead. */

export interface Renamed {
  readonly pattern: string
  /** What the names given to the engine stand for. */
  readonly originals: ReadonlyMap<string, string>
}

/** An escape, a literal section, a class, or the start of a named group: whatever stands in the first three is no group. */
const PIECES = /\\Q.*?(?:\\E|$)|\\.|\[\^?\]?(?:\[:\^?\w+:\]|\\.|[^\]\\])*\]|\(\?P?<(\w+)>/gsu

export function renameGroups(pattern: string): Renamed {
  const originals = new Map<string, string>()
  const renamed = pattern.replace(PIECES, (piece: string, name?: string) => {
    if (name === undefined) return piece
    const own = `g${originals.size}`
    originals.set(own, name)
    return `(?P<${own}>`
  })
  return { pattern: renamed, originals }
}
