/** Globs as people write them over ids: `shop-*`. Matched by two cursors, so no pattern can take long. */

/** `*` is any run of characters, `?` any one; all others stand for themselves. */
export function matchesGlob(glob: string, text: string): boolean {
  let [g, t] = [0, 0]
  let [star, retry] = [-1, 0]
  while (t < text.length) {
    if (glob[g] === '*') {
      star = g++
      retry = t
    } else if (g < glob.length && (glob[g] === '?' || glob[g] === text[t])) {
      g++
      t++
    } else if (star >= 0) {
      g = star + 1
      t = ++retry
    } else return false
  }
  while (glob[g] === '*') g++
  return g === glob.length
}

export function isGlob(text: string): boolean {
  return text.includes('*') || text.includes('?')
}
