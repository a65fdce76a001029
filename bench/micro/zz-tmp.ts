import { PartEditor } from '../../src/rules/contexts/part-editor.ts'
import { contextSpec } from '../../src/rules/contexts/index.ts'
import { compileCondition, compileStatement } from '../../src/rules/compile.ts'
import { standardFunctions } from '../../src/rules/functions/index.ts'
import { Writer } from '../../src/otlp/wire-writer.ts'
import { indexRequest } from '../../src/otlp/kernel/kernel.ts'
import { encodeParts } from '../../src/otlp/encode.ts'
const N = 1000
const w = new Writer().begin(1).begin(1)
for (let i=0;i<5;i++) w.begin(1).string(1,'service.key'+i).begin(2).string(1,'resource-value-'+i).end().end()
w.end().begin(2)
for (let s=0;s<N;s++){ w.begin(2).bytes(1,new Uint8Array(16).fill(s+1)).bytes(2,new Uint8Array(8).fill(s)).string(5,'GET /api/users/'+s%10).varint(6,2).fixed64(7,1n).fixed64(8,2n)
 for(let a=0;a<10;a++) w.begin(9).string(1,'http.attribute.'+a).begin(2).string(1,'some-value-'+a+'-'+s%50).end().end()
 w.begin(15).varint(3,1).end().end() }
w.end().end()
const bytes = w.finish(); const index = indexRequest('traces', bytes) as any
const part = {payload:{bytes}, index, selection:null, edits:null, items:index.items}
console.log(bytes.length, index.items)
const opt = {context: contextSpec('span'), functions: standardFunctions}
function bench(name: string, f: ()=>void){ for(let i=0;i<150;i++) f(); const t=process.hrtime.bigint(); const R=200; for(let i=0;i<R;i++) f(); const ns=Number(process.hrtime.bigint()-t)/R/N; console.log(name.padEnd(46), ns.toFixed(0),'ns/span') }
const ed = new PartEditor('traces'); const ctx={metadata:new Map(),peer:''}
bench('empty pass', ()=>{ ed.open(part,ctx); ed.each('span', ()=>{}); ed.finish() })
const cal=()=>{};for (const c of ["attributes[\"http.attribute.9\"] == \"x\"",'attributes["http.attribute.7"] == "x"','resource.attributes["service.key3"] == "x"','name == "GET /api/users/3"','kind == SPAN_KIND_SERVER and status.code == 1']) {
 const cond = compileCondition(c,opt); bench(c, ()=>{ ed.open(part,ctx); ed.each('span', s=>{cond.test(s)}); ed.finish() }) }
for (const c of ['set(attributes["new"], "value")','set(attributes["http.attribute.3"], name)','delete_key(attributes, "http.attribute.3")','set(resource.attributes["x"], "y")','set(status.code, 2)','set(name, "zzz")','replace_pattern(attributes["http.attribute.3"], "some", "any")']) {
 const st = compileStatement(c,opt); bench(c, ()=>{ ed.open(part,ctx); ed.each('span', s=>{st.run(s)}); ed.finish() })
 bench('  + encode', ()=>{ ed.open(part,ctx); ed.each('span', s=>{st.run(s)}); encodeParts([{...part, ...ed.finish()}]) }) }
const many = Array.from({length:10},(_,i)=>compileStatement(`set(attributes["new${i}"], "value")`,opt))
bench('10 sets', ()=>{ ed.open(part,ctx); ed.each('span', s=>{for(const m of many) m.run(s)}); ed.finish() })
const cond10 = Array.from({length:10},(_,i)=>compileCondition(`attributes["http.attribute.${i}"] == "x"`,opt))
bench('10 conditions', ()=>{ ed.open(part,ctx); ed.each('span', s=>{for(const m of cond10) m.test(s)}); ed.finish() })
import { FieldCursor } from '../../src/otlp/wire-reader.ts'
const fc = new FieldCursor(); const rows = index.levels[2]
let sum=0
bench('calibration: FieldCursor over spans', ()=>{ for(let i=0;i<N;i++){ fc.reset(bytes, rows[i*4+1], rows[i*4+2]); while(fc.next()) sum+=fc.number } })
