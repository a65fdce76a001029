/** Runs in a thread of its own: compares passwords with slow hashes, one after the other. See `slow-passwords.ts`. */
import { parentPort } from 'node:worker_threads'
import { compareSync } from 'bcryptjs'
import { md5Crypt, shaCrypt } from './crypt.ts'
import type { StoredPassword } from './htpasswd.ts'
import { isSameText } from './same-text.ts'
import type { SlowAnswer, SlowQuestion } from './slow-passwords.ts'

parentPort!.on('message', ({ id, password, stored }: SlowQuestion) => {
  const answer: SlowAnswer = { id, isSame: compare(password, stored) }
  parentPort!.postMessage(answer)
})

function compare(password: string, { kind, text }: StoredPassword): boolean {
  try {
    if (kind === 'bcrypt') return compareSync(password, text)
    const isMd5 = kind === 'apr1' || kind === 'md5'
    return isSameText(isMd5 ? md5Crypt(password, text) : shaCrypt(password, text), text)
  } catch {
    return false
  }
}
