/** What may not stand in a list of dimensions: names that series have anyway, the same twice, globs over other names. */
import type { ConfigProblem } from '../../core/factory.ts'
import { compileGlob } from './glob.ts'

interface Named {
  readonly name?: string | undefined
  readonly default?: string | undefined
  readonly glob?: string | undefined
}

const GIVEN = ['service.name', 'span.name', 'span.kind', 'status.code', 'collector.instance.id']

export function checkDimensions(
  path: readonly string[],
  dimensions: readonly Named[],
): ConfigProblem[] {
  const problems: ConfigProblem[] = []
  const names = new Set(GIVEN)
  for (const [i, dimension] of dimensions.entries()) {
    const fault = faultOf(dimension, names)
    if (fault !== undefined) problems.push({ ...fault, path: [...path, i, ...fault.path] })
    if (dimension.name !== undefined) names.add(dimension.name)
  }
  for (const [i, { glob }] of dimensions.entries()) {
    const matches = glob === undefined || glob === '' ? undefined : compileGlob(glob)
    if (!(matches instanceof RegExp)) continue
    const name = [...names].find(each => matches.test(each))
    if (name === undefined) continue
    const message = `covers the dimension ${name} that is there already`
    problems.push({ path: [...path, i, 'glob'], message })
  }
  return problems
}

function faultOf({ name, glob, default: fallback }: Named, names: Set<string>) {
  const hasName = name !== undefined && name !== ''
  const hasGlob = glob !== undefined && glob !== ''
  if (hasName === hasGlob) {
    const message = hasName ? 'sets both name and glob' : 'sets neither name nor glob'
    return { path: [], message, expected: 'one of `name` and `glob`' }
  }
  if (hasName) {
    return names.has(name)
      ? { path: ['name'], message: `duplicate dimension name ${name}` }
      : undefined
  }
  if (fallback !== undefined) {
    return { path: ['default'], message: 'is not supported beside `glob`' }
  }
  const fault = compileGlob(glob!)
  return fault instanceof RegExp ? undefined : { path: ['glob'], message: fault }
}
