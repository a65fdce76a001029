/** Hashes against values recorded from the reference, at the lengths where the algorithms change their course. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hashFunctions } from '../../../src/rules/functions/hash.ts'

const RECORDED: Readonly<Record<string, readonly (readonly [length: number, hash: string])[]>> = {
  FNV: [
    [0, '-3750763034362895579'],
    [1, '-5808552475107396776'],
    [3, '573159026650923997'],
    [4, '-2714233914522270269'],
    [8, '993112425986513422'],
    [9, '6853455008778402858'],
    [15, '-5739681011114141118'],
    [16, '2527828665626687106'],
    [17, '6236952873970153717'],
    [32, '5376667530330437400'],
    [64, '4084147127767007626'],
    [65, '5428817413937750825'],
    [96, '-2493631813297017562'],
    [97, '272042014409507122'],
    [128, '-7807602838691211721'],
    [129, '6726922451014181376'],
    [160, '702403672959708848'],
    [240, '1501509430492550810'],
    [241, '-3407808540947302663'],
    [512, '-1385446970416437296'],
    [1024, '3556291195520075522'],
    [1025, '-5798411870655710295'],
    [2113, '4764721439987500568'],
  ],
  Murmur3Hash: [
    [0, '00000000'],
    [1, '5c38e45a'],
    [3, '990e6d14'],
    [4, 'c34c0fb5'],
    [8, 'a60b336c'],
    [9, '5832dbe3'],
    [15, '23458c4a'],
    [16, '089e52c9'],
    [17, '92f55e41'],
    [32, '17ed36e9'],
    [64, 'a65dc5fd'],
    [65, '9d32c9a8'],
    [96, 'f4d2cf4b'],
    [97, 'c250efc7'],
    [128, '97c4ba1d'],
    [129, '1e4b37ae'],
    [160, '47aeef60'],
    [240, '7d72173b'],
    [241, 'cfc34506'],
    [512, '64fe5abb'],
    [1024, '05bdcf65'],
    [1025, '52d55364'],
    [2113, '14ce87d0'],
  ],
  Murmur3Hash128: [
    [0, '00000000000000000000000000000000'],
    [1, '719700179e681491ace836959fad0846'],
    [3, 'a8e706075f06934cf80f9fa20744417f'],
    [4, '2424ba2d2793d0bfb4d2507402a8544c'],
    [8, 'adfa58e3e74bdc4f55bc67496f0fd59d'],
    [9, '599495c997d31f5f96f51dab86935a2f'],
    [15, '0871427e2e4a0086e12e74ee1b7ef7cd'],
    [16, 'ebc4910eb022dbb69e2ccd579b6aa986'],
    [17, 'bb786ea7fe3e8af706947f13800dc9d2'],
    [32, '85be7ad9e425edc533f08f5fb28c6e23'],
    [64, '35752960ff4b6bd1318e8c62e976d1ff'],
    [65, 'a8560b1424d4b90bd4ec73f9ba556e4e'],
    [96, '00eee15c2cc8ea844d6cf70d1ad00b6a'],
    [97, '76e888fe0d7d5f38de34bcceb29fcfef'],
    [128, 'b4e3d363a259b55ff1917809d670f1c5'],
    [129, '7f530e4211842655235f15272abdd2b3'],
    [160, '3386a4e53902bad1c0e1ff2087b5314b'],
    [240, 'c87742f8053a68f0ec30f55131bd9a9f'],
    [241, '1978e83d9f436f8c1877fe6d84986bec'],
    [512, 'b422d1daa8bb2636bc1819bb2bd97a12'],
    [1024, '54b7ba4c12adf56adec5fbf08bd3d758'],
    [1025, '20bc58884d4c1df5d5678c102c12992d'],
    [2113, 'ea56694e28c0ea246564c14dd6ad6f90'],
  ],
  XXH3: [
    [0, '2d06800538d394c2'],
    [1, 'f0904807418c57fc'],
    [3, '2ca9868bcd8e674d'],
    [4, 'c74b2e87e08bce29'],
    [8, '0f798300cb96eca5'],
    [9, '6df4b8b3d9700275'],
    [15, '135d4fd0e296e940'],
    [16, '3270886065168faa'],
    [17, 'd267ec388d1cd155'],
    [32, '21429a652e2fab70'],
    [64, '3510f9e32fba0bf4'],
    [65, 'a74302c56647ee11'],
    [96, '33d17c5672f6ec9a'],
    [97, '38e06cb413d0b0a1'],
    [128, 'd1f7f52bd5d57ed4'],
    [129, '8922591ac69378e6'],
    [160, '6ed6e22ac2b54457'],
    [240, 'cb4641bb5bc18788'],
    [241, '64ea1f5956b1703b'],
    [512, '501679e2b9a5e3be'],
    [1024, '862649f5dbd557df'],
    [1025, 'f84db6709d41a4fb'],
    [2113, 'd3e06ef230173194'],
  ],
  XXH128: [
    [0, '99aa06d3014798d86001c324468d497f'],
    [1, 'd6e5345be2eaf78df0904807418c57fc'],
    [3, '8bf3b0fdc145e1162ca9868bcd8e674d'],
    [4, 'aab1b7412232641b4f34ce9ec3c97224'],
    [8, '164a3e261dc69aaa8150a1435f1760b2'],
    [9, 'ab38eaff02d922ef8b4e48a085186399'],
    [15, '1ef016dba758c717cd5e89ac91cbff26'],
    [16, 'c7d54a27b718bfd4f11a3a77edd618aa'],
    [17, '7699c10708da2d74f3223b1872a49ccf'],
    [32, '70b491814abf86946a54ded62989bee5'],
    [64, '3bdaad5b2a9e76ca3128c8603403a5b3'],
    [65, '2a28e2a5705b286a0f981d398b022e74'],
    [96, 'e7abfb4f83f9c9f9eaccc39f1460562a'],
    [97, '3d015815980eea71b864ba6722603a48'],
    [128, '8ac6c83693c73f06fb9f8cbd318abf64'],
    [129, '2a51c9749bc30b7a0dc2ed6771945e8c'],
    [160, '0d2cfcee64ee28f6851ebdc98201b9b9'],
    [240, '5819ccc69b136f6acb4641bb5bc18788'],
    [241, '41c0dea5dd58ec5a64ea1f5956b1703b'],
    [512, '637027cede0f362e501679e2b9a5e3be'],
    [1024, '965365096aa08c8d862649f5dbd557df'],
    [1025, '67ee5d640d4d60eff84db6709d41a4fb'],
    [2113, 'b83d5aa5ca7863b4d3e06ef230173194'],
  ],
}

const SOURCE = 'millrace é 0123456789 '.repeat(100)

function hash(name: string, value: string): unknown {
  const spec = hashFunctions.find(each => each.name === name)
  assert.ok(spec)
  return spec.make([() => value])(null)
}

for (const [name, recorded] of Object.entries(RECORDED)) {
  test(`${name} gives what the reference gives at every length`, () => {
    for (const [length, expected] of recorded) {
      assert.equal(String(hash(name, SOURCE.slice(0, length))), expected, `length ${length}`)
    }
  })
}

test('hashes are over the UTF-8 of the text', () => {
  assert.equal(hash('MD5', 'é'), '66ddcd97cfdeabb2f6fb8a999b4bc76f')
  assert.equal(hash('SHA1', ''), 'da39a3ee5e6b4b0d3255bfef95601890afd80709')
})
