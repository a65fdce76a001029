/** All built-in components, loaded. */
import { loadBuiltins } from '../../src/builtins.ts'

export const BUILTINS = await loadBuiltins()
