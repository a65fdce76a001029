/** The files of all letters in memory: by tenant, by number, and which goes first when room is needed. Does no I/O. */
import type { TenantId } from '../../core/batch.ts'
import type { LetterFile } from './letter-file.ts'

const NO_FILES: readonly LetterFile[] = []

export class Shelf {
  readonly #byTenant = new Map<TenantId, LetterFile[]>()
  readonly #byNumber = new Map<number, LetterFile>()

  /** Files of one tenant come in the order of their numbers. */
  add(file: LetterFile): void {
    const files = this.#byTenant.get(file.tenant)
    if (files === undefined) this.#byTenant.set(file.tenant, [file])
    else files.push(file)
    this.#byNumber.set(file.number, file)
  }

  delete(file: LetterFile): void {
    this.#byNumber.delete(file.number)
    const files = this.#byTenant.get(file.tenant)
    const at = files?.indexOf(file) ?? -1
    if (files === undefined || at < 0) return
    files.splice(at, 1)
    if (files.length === 0) this.#byTenant.delete(file.tenant)
  }

  get files(): Iterable<LetterFile> {
    return this.#byNumber.values()
  }

  of(tenant: TenantId): readonly LetterFile[] {
    return this.#byTenant.get(tenant) ?? NO_FILES
  }

  byNumber(number: number): LetterFile | undefined {
    return this.#byNumber.get(number)
  }

  get bytes(): number {
    return sum(this.#byNumber.values(), file => file.bytes)
  }

  get letters(): number {
    return sum(this.#byNumber.values(), file => file.segment.live)
  }

  get items(): number {
    return sum(this.#byNumber.values(), file => file.segment.liveItems)
  }

  /** 0 without letters. */
  get oldestMs(): number {
    let oldest = 0
    for (const { oldestMs } of this.#byNumber.values()) {
      if (oldestMs > 0 && (oldest === 0 || oldestMs < oldest)) oldest = oldestMs
    }
    return oldest
  }

  /**
   * What goes when room is needed: the oldest file of the tenant that takes most, so that one with many letters does not
   * push out those of others. `asking` wants `more` besides what it has.
   */
  firstToGo(asking: TenantId, more: number): LetterFile | undefined {
    let most = -1
    let found: LetterFile | undefined
    for (const [tenant, files] of this.#byTenant) {
      const bytes = sum(files, file => file.bytes) + (tenant === asking ? more : 0)
      if (bytes <= most) continue
      most = bytes
      found = files[0]
    }
    return found
  }
}

function sum(files: Iterable<LetterFile>, of: (file: LetterFile) => number): number {
  let total = 0
  for (const file of files) total += of(file)
  return total
}
