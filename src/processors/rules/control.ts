/** What operators see of one `rules` processor, and what they may do. */
import type { RuleControl, RuleView } from '../../core/rule-control.ts'
import type { Signal } from '../../core/signal.ts'
import type { DecisionLog } from '../../rules/files/decision-log.ts'
import { viewOf } from '../../rules/files/kept-sets.ts'
import type { LiveRules } from '../../rules/files/live-rules.ts'
import type { RuleCounters } from './metrics.ts'

export function controlOf(
  id: string,
  signal: Signal,
  live: LiveRules,
  decisions: DecisionLog,
  countersOf: (rule: string) => RuleCounters,
): RuleControl {
  const ruleViews = (): RuleView[] =>
    (live.engine?.rules ?? []).map(({ name, on, file, line }) => {
      const { hits, drops, routes, errors } = countersOf(name)
      return {
        ...{ name, on, file, line },
        hits: hits.value,
        drops: drops.value,
        routes: routes.value,
        errors: errors.value,
      }
    })
  return {
    id,
    view: () => ({
      id,
      signal,
      live: viewOf(live.kept.live!),
      kept: live.kept.others.map(viewOf),
      refusal: live.refusal,
      guarded: live.isGuarded,
      rules: ruleViews(),
    }),
    reload: origin => live.reload(origin),
    rollback: hash => live.rollback(hash, 'rollback'),
    why: traceId => decisions.find(traceId),
  }
}
