import { describe, expect, test } from 'vitest'
import { formatPairs, lv, type Pair, sortPairs, u16 } from '../message/reference-format.test-support.ts'
import { codeOf, refusal } from '../refusal.test-support.ts'
import { compareUtf8, formatContext, parseContext } from './context.ts'
import { Cursor } from './cursor.ts'

/** As in a header: the length in front. */
const parse = (bytes: Uint8Array) => parseContext(new Cursor(lv(bytes))).pairs

/** Names whose UTF-16 order is not their UTF-8 order: a surrogate pair sorts before U+E000 and U+FFFF in JavaScript. */
const names = ['a', 'A', '', 'ä', '\ue000', '\uffff', '😀', '\u{10ffff}', 'b', 'aa', '\ud7ff', '😀a', '\u{10000}']

describe('a context written', () => {
  test('is the count, and then its pairs sorted by the UTF-8 bytes of their keys', () => {
    const pairs = names.map((name, index): Pair => [name, `v${index}`])
    expect(formatContext(Object.fromEntries(pairs))).toEqual(new Uint8Array(formatPairs(sortPairs(pairs))))
    expect(pairs.map(([name]) => name).sort()).not.toEqual(sortPairs(pairs).map(([name]) => name))
  })

  test('compares text as its UTF-8 bytes do', () => {
    for (const a of names) {
      for (const b of names) {
        const expected = Buffer.compare(Buffer.from(a), Buffer.from(b))
        expect(Math.sign(compareUtf8(a, b)), `${JSON.stringify(a)} ${JSON.stringify(b)}`).toBe(expected)
      }
    }
  })

  test('is no bytes at all where it has no pairs', () => {
    expect(formatContext({})).toEqual(new Uint8Array(0))
  })

  test('holds empty values, plain text and any other, of every length', () => {
    for (const value of [
      '',
      'x',
      'x'.repeat(64),
      'x'.repeat(65),
      'ä'.repeat(32),
      `${'x'.repeat(70)}ä`,
      '\ufeffbom',
      '\0',
      '😀',
    ]) {
      expect(formatContext({ k: value })).toEqual(new Uint8Array(formatPairs([['k', value]])))
      expect(parse(formatContext({ k: value }))['k']).toBe(value)
    }
  })

  test('has at most 65535 bytes', async () => {
    const most = 0xffff - 2 - 2 - 1 - 2
    expect(formatContext({ k: 'v'.repeat(most) }).length).toBe(0xffff)
    expect(await codeOf(() => formatContext({ k: 'v'.repeat(most + 1) }))).toBe('LIMIT_EXCEEDED')
    expect(await codeOf(() => formatContext({ ['k'.repeat(0x10000)]: '' }))).toBe('LIMIT_EXCEEDED')
    expect(await codeOf(() => formatContext({ k: 'ä'.repeat(most / 2 + 1) }))).toBe('LIMIT_EXCEEDED')
    const many = Object.fromEntries(Array.from({ length: 20_000 }, (_, at) => [`k${at}`, '']))
    expect(await codeOf(() => formatContext(many))).toBe('LIMIT_EXCEEDED')
  })
})

describe('a context read', () => {
  test('comes back as it was, without a prototype', () => {
    const context = { constructor: 'c', toString: 't', hasOwnProperty: 'h', valueOf: '' }
    const read = parse(formatContext(context))
    expect({ ...read }).toEqual(context)
    expect(Object.getPrototypeOf(read)).toBe(null)
    expect({ ...parse(Buffer.alloc(0)) }).toEqual({})
  })

  const orders: readonly (readonly Pair[])[] = [
    [
      ['z', '1'],
      ['a', '2'],
    ],
    // JavaScript puts names that look like numbers in front, and in the order of the numbers.
    [
      ['a', '1'],
      ['1', '2'],
    ],
    [
      ['2', '1'],
      ['10', '2'],
    ],
    [
      ['10', '1'],
      ['2', '2'],
    ],
    // JavaScript's order, and not that of their UTF-8.
    [
      ['\u{1f600}', '1'],
      ['\ufffd', '2'],
    ],
  ]
  test.each(orders.map((order) => [order]))('may have its pairs in any order, and is sorted anew: %j', (order) => {
    const read = parseContext(new Cursor(lv(formatPairs(order))))
    expect({ ...read.pairs }).toEqual(Object.fromEntries(order))
    expect(Buffer.from(read.bytes).toString('hex')).toBe(formatPairs(sortPairs(order)).toString('hex'))
  })

  test('is the expected one only where all its bytes are', () => {
    const expected = { pairs: Object.freeze({ a: '1', b: '2' }), bytes: formatContext({ a: '1', b: '2' }) }
    const read = (context: Record<string, string>) => parseContext(new Cursor(lv(formatContext(context))), expected)
    expect(read({ a: '1', b: '2' }).pairs).toBe(expected.pairs)
    for (const other of [{}, { a: '1' }, { a: '1', b: '3' }, { a: '1', b: '2', c: '' }]) {
      expect({ ...read(other).pairs }).toEqual(other)
    }
  })

  const refused: readonly (readonly [what: string, bytes: Buffer])[] = [
    [
      'a key twice',
      formatPairs([
        ['k', '1'],
        ['k', '1'],
      ]),
    ],
    [
      'a key twice, not side by side',
      formatPairs([
        ['k', '1'],
        ['l', '1'],
        ['k', '2'],
      ]),
    ],
    [
      'an empty key twice',
      formatPairs([
        ['', '1'],
        ['', '2'],
      ]),
    ],
    ['a key __proto__', formatPairs([['__proto__', '1']])],
    ['a count of no pairs', u16(0)],
    ['a count of no pairs and bytes', Buffer.concat([u16(0), lv(Buffer.from('k')), lv(Buffer.from('v'))])],
    ['fewer pairs than it counts', Buffer.concat([u16(2), lv(Buffer.from('k')), lv(Buffer.from('v'))])],
    [
      'more pairs than it counts',
      Buffer.concat([formatPairs([['k', 'v']]), lv(Buffer.from('l')), lv(Buffer.from('v'))]),
    ],
    ['a byte behind its pairs', Buffer.concat([formatPairs([['k', 'v']]), Buffer.of(0)])],
    ['half a count', Buffer.of(0)],
    ['a value that is not there', Buffer.concat([u16(1), lv(Buffer.from('k'))])],
    ['a value longer than the context', Buffer.concat([u16(1), lv(Buffer.from('k')), u16(9), Buffer.from('v')])],
    ['a key that is a lone continuation byte', Buffer.concat([u16(1), lv(Buffer.of(0x80)), lv(Buffer.from('v'))])],
    ['a value cut within a character', Buffer.concat([u16(1), lv(Buffer.from('k')), lv(Buffer.of(0xc3))])],
    [
      'a value with an encoded surrogate',
      Buffer.concat([u16(1), lv(Buffer.from('k')), lv(Buffer.from('eda080', 'hex'))]),
    ],
    ['a value with an overlong form', Buffer.concat([u16(1), lv(Buffer.from('k')), lv(Buffer.from('c0af', 'hex'))])],
    [
      'a long value, ill-formed at its end',
      Buffer.concat([u16(1), lv(Buffer.from('k')), lv(Buffer.concat([Buffer.alloc(100, 'x'), Buffer.of(0xff)]))]),
    ],
  ]
  test.each(refused)('refuses %s', async (_, bytes) => {
    // Whatever stands behind the context must not lend it bytes.
    for (const behind of [Buffer.alloc(0), Buffer.alloc(64)]) {
      const error = await refusal(() => parseContext(new Cursor(Buffer.concat([lv(bytes), behind]))))
      expect(error.code).toBe('MALFORMED_MESSAGE')
    }
  })
})
