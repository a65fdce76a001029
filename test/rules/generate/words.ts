/** Literals for generated expressions: awkward ones of each kind, and fitting ones for parameters that want a form. */

export type Kind =
  | 'string'
  | 'int'
  | 'float'
  | 'bool'
  | 'map'
  | 'list'
  | 'time'
  | 'duration'
  | 'bytes'
  | 'nil'

export const KINDS: readonly Kind[] = [
  ...(['string', 'string', 'int', 'int', 'float', 'bool', 'map', 'list'] as const),
  ...(['time', 'duration', 'bytes', 'nil'] as const),
]

export const LITERALS: Readonly<Record<Kind, readonly string[]>> = {
  string: [
    '""',
    '"a"',
    '"GET"',
    '"hello world"',
    '"größe 😀"',
    '"fooBar_baz-QuxHTTPServer2x"',
    '"12"',
    '"-0x1F"',
    '"3.5e2"',
    '"true"',
    '"\\u00e9\\t\\"q\\" <&>"',
    '"9223372036854775808"',
    '"a,b,,c"',
    '"  pad  "',
    '"line\\nbreak"',
  ],
  int: ['0', '1', '2', '-1', '3', '7', '42', '010', '9223372036854775807', '-9223372036854775807'],
  float: ['0.0', '1.5', '-2.25', '1.0e21', '1.5e-9', '-0.0', '.5', '3.', '1.0e308', '2.0'],
  bool: ['true', 'false'],
  // Of one key each: the reference shuffles the keys of a literal.
  map: ['{}', '{"a": 1}', '{"a": "x"}', '{"b": [1, 2]}', '{"c": {"d": nil}}', '{"k": 1.5}'],
  list: ['[]', '[1, 2, 3]', '["b", "a", "c"]', '[1, "a", nil, true]', '[[1], [2, 3]]', '[0.5, 1]'],
  time: [],
  duration: [],
  bytes: ['0x00', '0x0102ff', '0x68656c6c6f', '0x0123456789abcdef', `0x${'ab'.repeat(16)}`],
  nil: ['nil'],
}

const PATTERNS = [
  '"a"',
  '"^a"',
  '"[a-z]+"',
  '"(\\\\w+)\\\\s(\\\\w+)"',
  '"^/api/(?P<version>v\\\\d+)/(?P<rest>.*)$"',
  '"o"',
  '"(?i)HELLO"',
  '"x*"',
  '"\\\\d{2,}|true"',
  '"(a|b)*c$"',
  '"[^\\\\x00-\\\\x7f]"',
  '"("',
  '"(?!a)"',
  '""',
]
const GLOBS = [
  '"*"',
  '"hello*"',
  '"?"',
  '"/api/*/users/{1,42}"',
  '"[a-h]*"',
  '"[!a]"',
  '"[a"',
  '""',
]
// biome-ignore lint/suspicious/noTemplateCurlyInString: Go's own expansion
const REPLACEMENTS = ['""', '"<$0>"', '"$1-$2"', '"${1}x"', '"$version"', '"$$"', '"b"', '"$9"']
const TIME_TEXTS: readonly (readonly [text: string, format: string])[] = [
  ['"2024-02-29 12:34:56"', '"%Y-%m-%d %H:%M:%S"'],
  ['"29/Feb/2024:12:34:56 +0230"', '"%d/%b/%Y:%H:%M:%S %z"'],
  ['"2024-02-29T12:34:56.123456789Z"', '"%Y-%m-%dT%H:%M:%S.%LZ"'],
  ['"Feb 5 2023"', '"%b %e %Y"'],
  ['"11:30 PM"', '"%I:%M %p"'],
  ['"1986-10-01T00:17:33 MST"', '"%Y-%m-%dT%H:%M:%S %Z"'],
  ['"nonsense"', '"%Y"'],
]
const FORMATS = [
  ...['"%Y-%m-%dT%H:%M:%S"', '"%A %d %B %Y %I:%M:%S %p"', '"%s %f %L %j"', '"%y%m%d"', '"%F %T"'],
  ...['"%D"', '"%e %k %l"', '"%a %b %c"', '"%z %Z"', '"%%"', '""', '"2006-01-02T15:04:05Z07:00"'],
]
export const DURATIONS = ['"1h2m3.5s"', '"-5ms"', '"0"', '"100ns"', '"1us"', '"2562047h"', '"x"']
const XML = [
  '"<a><b c=\\"1\\">t</b><b/></a>"',
  '"<a>x<b>y</b>z</a>"',
  '"<a b=\\"1\\" c=\\"2\\"/>"',
  '"<a/><c>2</c>"',
  '"<a>"',
  '"text"',
]
const XPATHS = ['"/a/b"', '"//b"', '"/a/@b"', '"/a/b/text()"', '"/"', '"//*"', '"["']

/** By `Function.Param`, else by `Param`. */
export const FITTING: Readonly<Record<string, readonly string[]>> = {
  Pattern: PATTERNS,
  RegexPattern: PATTERNS,
  'replace_match.Pattern': GLOBS,
  'replace_all_matches.Pattern': GLOBS,
  Replacement: REPLACEMENTS,
  'Trim.Replacement': ['" "', '"a"', '"/x "', '""'],
  ReplacementFormat: ['"p:%s"', '"%s"', '"%d"', '"none"', '"%s%s"'],
  'Duration.Duration': DURATIONS,
  'Unix.Seconds': ['0', '1709210096', '-1', '4102444800', '-62135596800', '253402300799'],
  'Unix.Nanoseconds': ['0', '5', '-1', '1500000000', '999999999'],
  'Coalesce.Values': ['[nil, 1]', '["a"]', '[nil, nil]', '[]'],
  'Reduce.Seed': ['0', '""', '[]', 'nil', '1.5'],
  Source: ['[1, 2, 3]', '["b", "a"]', '{"a": 1}', '{"k": "x"}', '[]', '{}', '[[1], nil]'],
  'Time.Time': TIME_TEXTS.map(([text]) => text),
  'Time.Format': TIME_TEXTS.map(([, format]) => format),
  'FormatTime.Format': FORMATS,
  Location: ['"America/New_York"', '"UTC"', '"Asia/Kolkata"', '"Nowhere/X"', '""'],
  Locale: ['"en"', '"fr-FR"', '"xx"'],
  ToCase: ['"lower"', '"upper"', '"snake"', '"camel"', '"bad"'],
  'Format.Format': [
    '"%s|%v"',
    '"%d"',
    '"%05.2f"',
    '"%q"',
    '"%x"',
    '"%t"',
    '"%-5s|"',
    '"%%"',
    '"%T"',
  ],
  'Format.Vals': ['["a", 1]', '[1.5, true]', '[nil]', '["x"]', '[-7, 255]', '[]'],
  Order: ['"asc"', '"desc"', '"up"'],
  Mode: ['"value"', '"key"', '"other"'],
  'ParseCSV.Mode': ['"strict"', '"lazyQuotes"', '"ignoreQuotes"', '"x"'],
  Strategy: ['"insert"', '"update"', '"upsert"', '"x"'],
  Networks: ['["10.0.0.0/8"]', '["192.168.0.0/16", "::/0"]', '["x"]', '[]'],
  'IsInCIDR.Target': ['"10.1.2.3"', '"192.168.1.1"', '"::1"', '"x"', '""'],
  'ParseJSON.Target': [
    '"{\\"a\\": [1, 2.5, null, \\"x\\"]}"',
    '"[1, {}]"',
    '"3"',
    '"{"',
    '"\\"s\\""',
  ],
  'ParseKeyValue.Target': [
    '"a=1 b=2"',
    '"k1!v1_k2!v2"',
    '"a=\'x y\' b=\\"c d\\""',
    '"a"',
    '"a=b=c"',
  ],
  'ParseCSV.Target': ['"1,2,3"', '"\\"a\\"\\"b\\",c,d"', '"1,2"', '"a\\tb\\tc"', '""'],
  Header: ['"x,y,z"', '"x"', '"x,x,y"', '""', '"a|b|c"'],
  Delimiter: ['","', '"="', '"!"', '" "', '"ab"', '""', '"\\t"'],
  HeaderDelimiter: ['","', '"|"', '""'],
  PairDelimiter: ['" "', '"_"', '"&"', '"="', '""'],
  'Substring.Start': ['0', '1', '2', '-1', '100'],
  'Substring.Length': ['0', '1', '3', '-1', '100'],
  Base: ['2', '8', '10', '16', '36', '0', '1', '37', '-1'],
  'ParseInt.Target': ['"12"', '"-ff"', '"0x1F"', '"z"', '"1_000"', '"0b101"', '""'],
  'Base64Decode.Target': ['"aGVsbG8="', '"aGVsbG8"', '"_-8"', '"!"', '""'],
  Variant: ['"base64"', '"base64-raw"', '"base64-url"', '"base64-raw-url"', '"x"'],
  Encoding: ['"base64"', '"base64-raw"', '"utf-8"', '"us-ascii"', '"utf-16le"', '"gb18030"', '"x"'],
  'Decode.Target': ['"aGVsbG8="', '"aGVsbG8"', '"text"', '0x68656c6c6f', '"größe"'],
  SourceIP: ['"192.168.0.1"', '"::1"', '"x"'],
  DestinationIP: ['"10.1.2.3"', '"fe80::1"', '""'],
  SourcePort: ['1', '80', '65535', '0', '70000'],
  DestinationPort: ['443', '1'],
  Protocol: ['"TCP"', '"UDP"', '"icmp"', '"x"'],
  Seed: ['0', '1', '65536'],
  'TraceID.Target': [`0x${'0a'.repeat(16)}`, '"0102030405060708090a0b0c0d0e0f10"', '0x01', '""'],
  'SpanID.Target': [`0x${'0b'.repeat(8)}`, '"0102030405060708"', '0x01', '"zz02030405060708"'],
  'ProfileID.Target': [`0x${'0c'.repeat(16)}`, '"0102030405060708090a0b0c0d0e0f10"'],
  'IsValidLuhn.Target': ['"17893729974"', '17893729974', '"4539 1488"', '"x"', '""'],
  Mapping: [
    '{"error": ["err", {"min": 3, "max": 4}], "info": [{"range": "2xx"}]}',
    '{"warn": ["a", "GET"]}',
    '{"debug": [{"equals": ["x"]}]}',
    '{}',
    '{"x": 1}',
  ],
  'ParseSeverity.Target': ['"err"', '3', '204', '"x"', 'nil', '3.5'],
  KeyPath: ['["a"]', '["map", "a"]', '[]', '["k"]'],
  ValuePath: ['["a"]', '["map", "a"]', '["k"]'],
  PriorityKeys: ['[]', '["a"]', '["map", "b"]'],
  Limit: ['0', '1', '2', '5', '100', '-1'],
  Depth: ['1', '2', '3', '0'],
  Prefix: ['""', '"p"', '"a.b"', '"h"'],
  TruncationMarker: ['""', '"."', '"..."', '"…"'],
  StartIndex: ['0', '1', '2', '-1'],
  EndIndex: ['0', '1', '2', '3'],
  ElementName: ['"value"', '"e"', '""'],
  SubDocument: ['"<n/>"', '"<n>1</n><m/>"', '"x"', '"<n>"'],
  XPath: XPATHS,
  'URL.Url': [
    '"http://user:pw@example.com:8080/a/b.html?q=1#f"',
    '"/path only"',
    '"https://[::1]/x?y"',
    '"ftp://h"',
    '"::bad::"',
    '""',
  ],
  'UserAgent.UserAgent': [
    '"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36"',
    '"curl/7.81.0"',
    '"x"',
  ],
  'ExtractGrokPatterns.Pattern': [
    '"%{WORD:w} %{GREEDYDATA:rest}"',
    '"%{NUMBER:n:int}"',
    '"%{IP:ip}"',
    '"%{NOPE:x}"',
    '"(?P<x>a)"',
  ],
}

export const XML_TEXTS = XML

const names = (text: string): readonly string[] => text.split(' ')

/** Converters by what they mostly give; the others give anything. */
export const GIVING: Readonly<Partial<Record<Kind, readonly string[]>>> = {
  string: names(
    'ConvertCase ToLowerCase ToUpperCase ToSnakeCase ToCamelCase Format Concat Substring Trim TrimPrefix TrimSuffix FormatTime ToKeyValueString ParseSeverity CommunityID Base64Encode Base64Decode Decode MD5 SHA1 SHA256 SHA512 Murmur3Hash Murmur3Hash128 XXH3 XXH128 GetXML InsertXML RemoveXML ConvertAttributesToElementsXML ConvertTextToElementsXML String Hex',
  ),
  int: names(
    'Int ParseInt Len Index Year Month Day Hour Minute Second Nanosecond Weekday UnixSeconds UnixMilli UnixMicro UnixNano FNV Nanoseconds Milliseconds Microseconds',
  ),
  float: names('Double Log Hours Minutes Seconds'),
  bool: names(
    'IsMatch IsInCIDR IsValidLuhn HasPrefix HasSuffix ContainsValue All Any Bool IsBool IsDouble IsInt IsString IsMap IsList IsEmpty IsRootSpan',
  ),
  map: names(
    'ParseJSON ParseKeyValue ParseCSV ExtractPatterns ParseXML ParseSimplifiedXML SliceToMap MapKeys URL UserAgent ExtractGrokPatterns Filter MapEach',
  ),
  list: names('Keys Values Split Sort Filter MapEach'),
  time: names('Time Unix TruncateTime'),
  duration: names('Duration'),
  bytes: names('TraceID SpanID ProfileID'),
}

/** Paths by their last name. */
export const HOLDING: Readonly<Partial<Record<Kind, RegExp>>> = {
  string:
    /(?:^|\.)(?:name|version|schema_url|string|message|severity_text|unit|description|event_name|trace_state|body|attributes)$/,
  int: /(?:_nano|count|code|kind|flags|severity_number|type|aggregation_temporality|value_int|scale|offset|event_index|attributes)$/,
  float: /(?:value_double|sum|attributes)$/,
  bool: /(?:is_monotonic|attributes)$/,
  map: /(?:attributes|cache|metadata|body)$/,
  list: /(?:bucket_counts|explicit_bounds|attributes|body)$/,
  time: /time$/,
  bytes: /(?:_id|attributes)$/,
}
