/** UserAgent: browser and operating system of a User-Agent header. */
import { defineFunction, type FunctionSpec, type Getter, type Value } from '../function.ts'
import { userAgentParser } from './user-agent-parser.ts'

const userAgent = defineFunction({
  name: 'UserAgent',
  kind: 'converter',
  params: [{ name: 'UserAgent', type: 'string' }],
  summary:
    'A map of the browser (user_agent.*) and the system (os.*) that a User-Agent header names.',
  example: {
    expr: 'UserAgent("curl/8.4.0")',
    result:
      '{"user_agent.name": "curl", "user_agent.original": "curl/8.4.0", "user_agent.version": "8.4.0", "os.name": "Other"}',
  },
  make([target]: readonly Getter[]) {
    const { browsers, systems } = userAgentParser()
    return scope => {
      const text = target(scope) as string
      const [browser, system] = [browsers.find(text), systems.find(text)]
      const map = new Map<string, Value>([
        ['user_agent.name', browser.family],
        ['user_agent.original', text],
        ['user_agent.version', browser.version],
      ])
      if (system.family !== '') map.set('os.name', system.family)
      if (system.version !== '') map.set('os.version', system.version)
      return map
    }
  },
})

export const userAgentFunctions: readonly FunctionSpec[] = [userAgent]
