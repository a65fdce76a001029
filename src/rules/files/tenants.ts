/** Globs over tenant ids: `shop-*` and the like. Matched by two cursors, so no pattern can take long. */

export type TenantTest = (tenant: string) => boolean

/** Whether any of the globs fits; the last answers are kept, because batches come from few tenants. */
export function tenantTest(globs: readonly string[]): TenantTest {
  const answers = new Map<string, boolean>()
  return tenant => {
    let answer = answers.get(tenant)
    if (answer === undefined) {
      if (answers.size >= MAX_ANSWERS) answers.clear()
      answer = globs.some(glob => matchesGlob(glob, tenant))
      answers.set(tenant, answer)
    }
    return answer
  }
}

const MAX_ANSWERS = 1024

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
