/** Addresses and networks (CIDR), asked with the plain text that connections have; the last answers are kept. */
import { BlockList, isIP, isIPv4 } from 'node:net'

/** A look into a list costs some 5 µs and an object that the garbage collector has to visit. */
const MAX_ANSWERS = 4096

export class AddressList {
  readonly #list = new BlockList()
  readonly #answers = new Map<string, boolean>()

  /** Each must be an address or a network. */
  constructor(networks: readonly string[]) {
    for (const network of networks) {
      const [address, prefix] = network.split('/')
      const family = isIPv4(address) ? 'ipv4' : 'ipv6'
      if (prefix === undefined) this.#list.addAddress(address, family)
      else this.#list.addSubnet(address, Number(prefix), family)
    }
  }

  /** False for what is no address. */
  has(address: string): boolean {
    let answer = this.#answers.get(address)
    if (answer === undefined) {
      answer = this.#look(address)
      if (this.#answers.size >= MAX_ANSWERS) this.#answers.clear()
      this.#answers.set(address, answer)
    }
    return answer
  }

  #look(address: string): boolean {
    const version = isIP(address)
    return version > 0 && this.#list.check(address, version === 4 ? 'ipv4' : 'ipv6')
  }
}
