/** Results of cases as JUnit XML, which every CI system reads. */
import { showFailure, type TestedFile } from './case-report.ts'

export function junitReport(tested: readonly TestedFile[]): string {
  const suites = tested.map(suiteXml)
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<testsuites>',
    ...suites,
    '</testsuites>',
    '',
  ].join('\n')
}

function suiteXml({ file, results }: TestedFile): string {
  const broken = file.problems.filter(problem => problem.severity === 'error')
  const failed = results.filter(result => result.differences.length > 0)
  const seconds = results.reduce((sum, result) => sum + result.millis, 0) / 1000
  const counts = `tests="${results.length + broken.length}" failures="${failed.length}" errors="${broken.length}"`
  const cases = results.map(result => {
    const head = `    <testcase classname="${escapeXml(file.path)}" name="${escapeXml(result.case.name)}" time="${(result.millis / 1000).toFixed(6)}"`
    if (result.differences.length === 0) return `${head}/>`
    const text = showFailure(result).join('\n')
    return `${head}>\n      <failure message="${escapeXml(result.differences.map(each => each.what).join(', '))}">${escapeXml(text)}</failure>\n    </testcase>`
  })
  const errors = broken.map(
    ({ line, column, message }) =>
      `    <testcase classname="${escapeXml(file.path)}" name="loads"><error message="${escapeXml(`${line}:${column} ${message}`)}"/></testcase>`,
  )
  return [
    `  <testsuite name="${escapeXml(file.path)}" ${counts} time="${seconds.toFixed(6)}">`,
    ...errors,
    ...cases,
    '  </testsuite>',
  ].join('\n')
}

/** Control characters have no place in XML, not even escaped. */
function escapeXml(text: string): string {
  const entities: Readonly<Record<string, string>> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
  }
  return text
    .replace(/[&<>"]/g, c => entities[c])
    .replace(/[^\P{Cc}\n\t]|[\uFFFE\uFFFF]|\p{Surrogate}/gu, '\uFFFD')
}
