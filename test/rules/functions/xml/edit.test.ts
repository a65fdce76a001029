/** The XML functions over odd documents and expressions; the expected texts are what the reference gives. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { xmlEditFunctions } from '../../../../src/rules/functions/xml/edit.ts'
import { MAX_XML_LENGTH } from '../../../../src/rules/functions/xml/read.ts'
import { xmlValueFunctions } from '../../../../src/rules/functions/xml/values.ts'
import { EvaluationError, type Value } from '../../../../src/rules/value.ts'

function call(name: string, ...args: string[]): Value {
  const spec = [...xmlEditFunctions, ...xmlValueFunctions].find(each => each.name === name)
  assert.ok(spec)
  const given = args.map((value, i) =>
    spec.params[i].type === 'literalString' ? value : () => value,
  )
  return spec.make(given)(null)
}

const PEOPLE =
  '<r><p id="1"><n>A</n><v>10</v></p><p id="2"><n>B</n><v>20</v></p><p id="3"><n>C</n><v>5</v></p></r>'
const NESTED = '<a><b k="1">x</b><b k="2">y</b><b k="3">z<b>q</b></b><c k="1"><b>w</b></c></a>'

const SELECTIONS: readonly (readonly [document: string, path: string, result: string])[] = [
  [PEOPLE, '/r/p[v>5]/n', '<n>A</n><n>B</n>'],
  [PEOPLE, '/r/p[last()]/n', '<n>C</n>'],
  [PEOPLE, '/r/p[position()<3]/@id', '12'],
  [PEOPLE, '/r/p[@id="2"]/preceding-sibling::p/n/text()', 'A'],
  [PEOPLE, '//p[n="A" or v=5]/n', '<n>A</n><n>C</n>'],
  [PEOPLE, '//p[position() mod 2 = 1]/v', '<v>10</v><v>5</v>'],
  [PEOPLE, '(//v)[2]', '<v>20</v>'],
  [PEOPLE, 'count(//v)', ''],
  [PEOPLE, '//*[matches(., "^[AB]$")]', '<n>A</n><n>B</n>'],
  [NESTED, '//b[1]', '<b k="1">x</b><b>q</b><b>w</b>'],
  [NESTED, '//b[not(@k)]', '<b>q</b><b>w</b>'],
  [NESTED, '//*[local-name()="c"]/b', '<b>w</b>'],
  [NESTED, '/a/b[@k="1"]/following-sibling::b[1]/text()', 'y'],
]

for (const [document, path, expected] of SELECTIONS) {
  test(`GetXML selects ${path}`, () => {
    assert.equal(call('GetXML', document, path), expected)
  })
}

const PRINTED: readonly (readonly [document: string, printed: string])[] = [
  ['<a b=\'1\'c="&lt;"/>', '<a b="1" c="&lt;"></a>'],
  ['<?xml version="1.0" encoding="UTF-8" ?><a/>', '<?xml version="1.0" encoding="UTF-8"?><a></a>'],
  [' <?xml version="1.0"?><a/>', '<a></a>'],
  ['<!-- before --><a><!-- in --></a><!-- after -->', '<a><!-- in --></a><!-- after -->'],
  ["<a>\r\n&#65;&quot;'</a>", '<a>\nA&#34;&#39;</a>'],
  ['<a><![CDATA[<x>&amp;]]></a>', '<a><![CDATA[<x>&amp;]]></a>'],
  ['<p:a xmlns:p="u"><p:b p:c="1"/></p:a>', '<p:a xmlns:p="u"><p:b p:c="1"></p:b></p:a>'],
  [
    '<a xml:space="default"> x <b xml:space="preserve"> y </b></a>',
    '<a xml:space="default">x<b xml:space="preserve"> y </b></a>',
  ],
  ['<a/>text<b/>', '<a></a>text<b></b>'],
  ['<a><?pi  x ?></a>', '<a><?pi x?></a>'],
]

test('documents are printed as the reference prints them', () => {
  for (const [document, printed] of PRINTED) {
    assert.equal(call('RemoveXML', document, '/nothing'), printed)
  }
})

test('what is not well-formed is an error', () => {
  const wrong = ['<a', '<a>', '</a>', '<a></b>', '<a b=1/>', '<a b/>', '<a b="<"/>', '<a>]]></a>']
  wrong.push('text', '<a>&x;</a>', '<a>& </a>', '<a>&#0;</a>', '<a><!-- -- --></a>', '<1/>')
  wrong.push('<?xml version="1.1"?><a/>', '<p:a/>', '<a>\u0001</a>', '<a><![CDATA[</a>', '<a:b:c/>')
  for (const document of wrong) {
    assert.throws(() => call('RemoveXML', document, '/zz'), EvaluationError, document)
  }
})

test('an XPath that the reference refuses is refused at load', () => {
  const wrong = ['', '/a[', '/a[]', '//', '/a/@', 'foo()', '$x', 'a::b', '/a[@k="]', 'a:b:c']
  for (const path of [...wrong, 'contains(a)', 'matches(a, "(")', '('.repeat(300)]) {
    assert.throws(() => call('GetXML', '<a/>', path), Error, path)
  }
})

test('InsertXML fills an empty text, and refuses what is no element', () => {
  assert.equal(call('InsertXML', '', '/', '<a/>'), '<a></a>')
  assert.throws(() => call('InsertXML', '<a>x</a>', '/a/text()', '<b/>'), EvaluationError)
  assert.throws(() => call('InsertXML', '<a/>', '/a', ''), EvaluationError)
})

test('ConvertTextToElementsXML wraps white space too, and leaves lone texts alone', () => {
  assert.equal(
    call('ConvertTextToElementsXML', '<a> <b>x</b>y</a>'),
    '<a><value> </value><b>x</b><value>y</value></a>',
  )
})

test('ParseXML takes nothing behind the element and trims each text', () => {
  assert.throws(() => call('ParseXML', '<a/>\n'), /trailing bytes/)
  assert.deepEqual(
    call('ParseXML', '<a> x <b/> y </a>'),
    new Map<string, Value>([
      ['tag', 'a'],
      ['content', 'xy'],
      ['children', [new Map([['tag', 'b']])]],
    ]),
  )
})

test('entities of a DTD are never expanded', () => {
  const bomb = '<!DOCTYPE a [<!ENTITY x "xxxxxxxxxx"><!ENTITY y "&x;&x;">]><a>&y;</a>'
  assert.throws(() => call('ParseXML', bomb), EvaluationError)
  assert.throws(() => call('GetXML', bomb, '/a'), EvaluationError)
})

test('size, depth and number of parts of a document are bounded', () => {
  const deep = (n: number): string => '<a>'.repeat(n) + '</a>'.repeat(n)
  const refused = ['x'.repeat(MAX_XML_LENGTH + 1), deep(10_001), `<a>${'<b/>'.repeat(70_000)}</a>`]
  for (const document of [...refused, `<a>${'&amp;'.repeat(70_000)}</a>`]) {
    assert.throws(() => call('GetXML', document, '/a'), EvaluationError)
    assert.throws(() => call('ParseXML', document), EvaluationError)
  }
  assert.equal(call('RemoveXML', deep(10_000), '/zz'), deep(10_000))
  assert.throws(() => call('ParseXML', deep(1000)), /nesting depth/)
  assert.throws(() => call('ParseSimplifiedXML', deep(1000)), /nesting depth/)
})

test('an XPath that multiplies its steps is stopped', () => {
  const deep = '<a>'.repeat(2000) + '</a>'.repeat(2000)
  for (const path of ['//*//*//*', '//*[count(.//*) > 1]', '//*[contains(., "x")]']) {
    assert.throws(() => call('RemoveXML', deep, path), /too many steps/)
  }
})

test('a selection with an element twice ends with an error, not in a circle', () => {
  assert.throws(() => call('GetXML', '<a><b/><b/></a>', '/a/b/..'), EvaluationError)
})
