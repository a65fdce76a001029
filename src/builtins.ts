/** The built-in components; the only file that names component folders. */
import type { Factory } from './core/factory.ts'

export const BUILTINS: readonly Factory[] = []
