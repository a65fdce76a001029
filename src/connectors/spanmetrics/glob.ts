/** Globs over attribute keys as upstream reads them, `.` being the separator: an expression for each. */

/**
 * `*` is any run without `.`, `**` any run, `?` one character but `.`, `[a-z]` and `[!a-z]` classes, `{a,b}` either, `\`
 * takes the next character as it is. Answers with what is wrong otherwise.
 */
export function compileGlob(glob: string): RegExp | string {
  let source = ''
  let depth = 0
  for (let i = 0; i < glob.length; i++) {
    const char = glob[i]
    if (char === '*') {
      const from = i
      while (glob[i + 1] === '*') i++
      source += i > from ? '[^]*' : '[^.]*'
    } else if (char === '?') source += '[^.]'
    else if (char === '[') {
      const end = glob.indexOf(']', i + 2)
      if (end < 0) return 'has a class that does not end'
      source += classOf(glob.slice(i + 1, end))
      i = end
    } else if (char === '{') {
      depth++
      source += '(?:'
    } else if (char === '}' && depth > 0) {
      depth--
      source += ')'
    } else if (char === ',' && depth > 0) source += '|'
    else if (char === '\\') {
      if (++i === glob.length) return 'ends with a backslash'
      source += literal(glob[i])
    } else source += literal(char)
  }
  if (depth > 0) return 'has a list that does not end'
  try {
    return new RegExp(`^(?:${source})$`, 'u')
  } catch {
    return 'is not a glob'
  }
}

function classOf(content: string): string {
  const isNegated = content.startsWith('!')
  const rest = (isNegated ? content.slice(1) : content).replace(/[\\\]^]/g, '\\$&')
  return `[${isNegated ? '^' : ''}${rest}]`
}

function literal(char: string): string {
  return char.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')
}
