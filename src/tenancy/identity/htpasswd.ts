/** Reads htpasswd files and tells which way each password is hashed. What is inside is never quoted. */

const MAX_USERS = 100_000

export type PasswordKind =
  | 'bcrypt'
  | 'apr1'
  | 'md5'
  | 'sha1'
  | 'ssha1'
  | 'sha256'
  | 'sha512'
  | 'plain'

export interface StoredPassword {
  readonly kind: PasswordKind
  readonly text: string
}

export interface HtpasswdProblem {
  readonly line: number
  readonly message: string
}

export interface Htpasswd {
  readonly users: ReadonlyMap<string, StoredPassword>
  /** Lines that are left out. */
  readonly problems: readonly HtpasswdProblem[]
}

/** Later lines of the same user win. */
export function parseHtpasswd(text: string): Htpasswd {
  const users = new Map<string, StoredPassword>()
  const problems: HtpasswdProblem[] = []
  const lines = text.split(/\r?\n/)
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i].trim()
    if (line === '' || line.startsWith('#')) continue
    const colon = line.indexOf(':')
    if (colon <= 0 || colon === line.length - 1) {
      problems.push({ line: i + 1, message: 'is not user:password' })
      continue
    }
    const password = kindOf(line.slice(colon + 1))
    if (password === null) {
      problems.push({ line: i + 1, message: 'has a kind of hash that is not known' })
    } else if (users.size < MAX_USERS) {
      users.set(line.slice(0, colon), password)
    } else {
      problems.push({ line: i + 1, message: `is one more than ${MAX_USERS} users` })
      break
    }
  }
  return { users, problems }
}

function kindOf(text: string): StoredPassword | null {
  if (/^\$2[abxy]\$\d\d\$[./0-9A-Za-z]{53}$/.test(text)) return { kind: 'bcrypt', text }
  if (/^\$apr1\$[^$]{1,8}\$[./0-9A-Za-z]{22}$/.test(text)) return { kind: 'apr1', text }
  if (/^\$1\$[^$]{1,8}\$[./0-9A-Za-z]{22}$/.test(text)) return { kind: 'md5', text }
  if (/^\$5\$(rounds=\d{1,9}\$)?[^$]{0,16}\$[./0-9A-Za-z]{43}$/.test(text))
    return { kind: 'sha256', text }
  if (/^\$6\$(rounds=\d{1,9}\$)?[^$]{0,16}\$[./0-9A-Za-z]{86}$/.test(text))
    return { kind: 'sha512', text }
  if (/^\{SHA\}[+/0-9A-Za-z]{27}=$/.test(text)) return { kind: 'sha1', text }
  if (/^\{SSHA\}[+/0-9A-Za-z]+={0,2}$/.test(text)) return { kind: 'ssha1', text }
  // A hash of a kind we do not know must not become a password in plain text.
  return /^\$[0-9a-z]{1,8}\$|^\{[A-Z0-9]{2,10}\}/.test(text) ? null : { kind: 'plain', text }
}
