/** Finds the conditions whose result depends on one path's value alone, so that it may be kept for equal values. */
import type { BooleanNode, Call, PathNode, ValueNode } from '../ast.ts'

/** Converters that give the same for the same arguments and look at nothing else. */
const PURE: ReadonlySet<string> = new Set([
  ...['Concat', 'ConvertCase', 'ToLowerCase', 'ToUpperCase', 'ToSnakeCase', 'ToCamelCase'],
  ...['HasPrefix', 'HasSuffix', 'Index', 'IsMatch', 'Len', 'Split', 'Substring'],
  ...['Trim', 'TrimPrefix', 'TrimSuffix', 'Int', 'Double', 'Bool', 'String', 'Hex', 'ParseInt'],
  ...['IsString', 'IsInt', 'IsDouble', 'IsBool', 'IsMap', 'IsList', 'IsEmpty'],
  ...['IsInCIDR', 'IsValidLuhn', 'FNV', 'SHA1', 'SHA256', 'MD5', 'ExtractPatterns', 'URL'],
  ...['ParseJSON', 'ParseKeyValue', 'ParseCSV'],
])

/** Undefined when there is none, several different ones, or something that is more than its arguments. */
export function onlyPath(node: BooleanNode): PathNode | undefined {
  const found: PathNode[] = []
  if (!collect(node, found) || found.length === 0) return undefined
  const [first] = found
  return found.every(path => isSame(path, first)) ? first : undefined
}

/** False when the result may depend on something else than paths. */
function collect(node: BooleanNode | ValueNode, found: PathNode[]): boolean {
  switch (node.kind) {
    case 'path':
      found.push(node)
      return node.fields.every(({ keys }) => keys.every(key => key.kind !== 'path'))
    case 'comparison':
    case 'math':
      return collect(node.left, found) && collect(node.right, found)
    case 'condition':
      return collectCall(node.call, found)
    case 'call':
      return collectCall(node, found)
    case 'list':
      return node.values.every(value => collect(value, found))
    case 'nil':
    case 'int':
    case 'float':
    case 'string':
    case 'bytes':
    case 'bool':
    case 'enum':
      return true
    default:
      return false
  }
}

function collectCall({ name, args, keys }: Call, found: PathNode[]): boolean {
  if (!PURE.has(name)) return false
  return [...args.map(({ value }) => value), ...keys].every(value => collect(value, found))
}

function isSame(a: PathNode, b: PathNode): boolean {
  if (a.context !== b.context || a.fields.length !== b.fields.length) return false
  return a.fields.every(({ name, keys }, i) => {
    const other = b.fields[i]
    if (name !== other.name || keys.length !== other.keys.length) return false
    return keys.every((key, k) => {
      const second = other.keys[k]
      return 'value' in key && 'value' in second && key.value === second.value
    })
  })
}
