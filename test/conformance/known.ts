/**
 * Cases that are known to fail, with the reason, by `suite#case`. They are printed, and do not fail the run; a known
 * failure that passes does, so that the list stays true. `docs/conformance.md` explains each.
 */
export const KNOWN: ReadonlyMap<string, string> = new Map<string, string>([
  ...['include', 'exclude', 'includeexclude'].map((name): [string, string] => [
    `collector-configs#filterprocessor/config_expr.yaml:filter/${name}`,
    'match_type expr is another expression language; refused with a word about conditions',
  ]),
  [
    'ottl/cases#function:func/append/pcommon_ValueTypeEmpty',
    'a value that is not set reads as nil, for which append begins a list; the reference does so for bodies and attributes',
  ],
  [
    'ottl/cases#function:func/Hex/error',
    'the test it was taken from expects an error beside the value nil; the reference itself refuses a map too',
  ],
  [
    'ottl/cases#function:func/replace_all_patterns/replace_only_matches_with_invalid_replacement_format',
    'wants an empty map; the reference leaves values alone whose replacement fails',
  ],
  [
    'ottl/cases#function:func/replace_match/Test_replaceMatch_bad_function_result',
    'refused for another reason: the replacement itself is no text',
  ],
])
