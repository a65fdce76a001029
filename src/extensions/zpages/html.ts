/** Plain HTML for status pages: every value is escaped here and nowhere else. */

export type Cell = string | number | boolean | readonly string[]

export interface Table {
  readonly title: string
  readonly columns: readonly string[]
  readonly rows: readonly (readonly Cell[])[]
}

export interface Link {
  readonly href: string
  readonly text: string
}

const STYLE =
  'body{font:14px/1.5 system-ui,sans-serif;margin:2em;color:#222;background:#fff}' +
  'table{border-collapse:collapse;margin:0 0 2em}th,td{border:1px solid #ccc;padding:.25em .7em;text-align:left}' +
  'th{background:#f3f3f3}td.number{text-align:right;font-variant-numeric:tabular-nums}nav a{margin-right:1em}'

export function drawPage(title: string, links: readonly Link[], tables: readonly Table[]): string {
  const anchors = links.map(
    ({ href, text }) => `<a href="${escapeHtml(href)}">${escapeHtml(text)}</a>`,
  )
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escapeHtml(title)} - Millrace</title>
<style>${STYLE}</style>
<h1>${escapeHtml(title)}</h1>
<nav>${anchors.join('\n')}</nav>
${tables.map(drawTable).join('\n')}
</html>
`
}

function drawTable({ title, columns, rows }: Table): string {
  const head = columns.map(column => `<th scope="col">${escapeHtml(column)}</th>`).join('')
  const body = rows.map(row => `<tr>${row.map(drawCell).join('')}</tr>`).join('\n')
  const empty = `<tr><td colspan="${columns.length}">none</td></tr>`
  return `<h2>${escapeHtml(title)}</h2>
<table>
<thead><tr>${head}</tr></thead>
<tbody>
${rows.length === 0 ? empty : body}
</tbody>
</table>`
}

function drawCell(cell: Cell): string {
  if (typeof cell === 'number')
    return `<td class="number">${escapeHtml(cell.toLocaleString('en-US'))}</td>`
  if (typeof cell === 'boolean') return `<td>${cell ? 'yes' : 'no'}</td>`
  return `<td>${escapeHtml(typeof cell === 'string' ? cell : cell.join(', '))}</td>`
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, character => ENTITIES[character])
}
