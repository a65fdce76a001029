/** Globs over tenant ids, and what they answered. */
import { matchesGlob } from '../../util/glob.ts'

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
