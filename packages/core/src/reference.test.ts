import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { KeyfoldError } from './errors.ts'
import { demandParameters, parseReference } from './reference.ts'

function refusal(run: () => unknown): KeyfoldError {
  try {
    run()
  } catch (error) {
    if (KeyfoldError.is(error)) return error
    throw error
  }
  throw new Error('nothing was refused')
}

describe('parseReference', () => {
  test.each([
    ['awskms:///alias/orders?region=eu-west-1', 'awskms', ['alias', 'orders'], { region: 'eu-west-1' }, undefined],
    [
      'awskms:///arn:aws:kms:eu-west-1:111122223333:key/k-1',
      'awskms',
      ['arn:aws:kms:eu-west-1:111122223333:key', 'k-1'],
      {},
      undefined,
    ],
    [
      'gcpkms://projects/p/locations/eu/keyRings/r/cryptoKeys/K',
      'gcpkms',
      ['projects', 'p', 'locations', 'eu', 'keyRings', 'r', 'cryptoKeys', 'K'],
      {},
      undefined,
    ],
    [
      'azurekeyvault://v.vault.azure.net/keys/NAME',
      'azurekeyvault',
      ['v.vault.azure.net', 'keys', 'NAME'],
      {},
      undefined,
    ],
    ['hashivault://KEY?engine=transit', 'hashivault', ['KEY'], { engine: 'transit' }, undefined],
    [
      'awssecretsmanager://prod/stripe?stage=AWSPREVIOUS#apiKey',
      'awssecretsmanager',
      ['prod', 'stripe'],
      { stage: 'AWSPREVIOUS' },
      'apiKey',
    ],
    ['vault://database/creds/orders#/data/a~1b', 'vault', ['database', 'creds', 'orders'], {}, '/data/a~1b'],
    [
      'vault://pki/issue/web?method=post&common_name=a%20b',
      'vault',
      ['pki', 'issue', 'web'],
      { method: 'post', common_name: 'a b' },
      undefined,
    ],
    ['env://NAME', 'env', ['NAME'], {}, undefined],
    ['vault://user@host/a', 'vault', ['user@host', 'a'], {}, undefined],
  ])('reads %s', (text, scheme, segments, parameters, fragment) => {
    const reference = parseReference(text)
    expect({ ...reference, parameters: Object.fromEntries(reference.parameters) }).toEqual({
      scheme,
      name: segments.join('/'),
      segments,
      parameters,
      fragment,
    })
  })

  test('gives two and three slashes one meaning', () => {
    expect(parseReference('awskms://alias/a')).toEqual(parseReference('awskms:///alias/a'))
  })

  test.each([
    ['local:///etc/keys.json', '/etc/keys.json'],
    ['local://keys.json', 'keys.json'],
    ['local://../keys.json?name=a', '../keys.json'],
    ['local://./a//b%20c.json#x', './a//b%20c.json'],
    ['local://C:/keys.json', 'C:/keys.json'],
  ])('takes the path of %s as it stands', (text, name) => {
    expect(parseReference(text)).toMatchObject({ name, segments: [name] })
  })

  test('decodes a slash inside a segment without splitting it', () => {
    expect(parseReference('vault://kv/a%2Fb').segments).toEqual(['kv', 'a/b'])
  })

  test('keeps a plus sign, and all that follows the first equals sign', () => {
    expect(parseReference('vault://a?b=c+d=e').parameters.get('b')).toBe('c+d=e')
  })

  test.each([
    ['no scheme', 'keys.json'],
    ['one slash', 'local:/keys.json'],
    ['a scheme in capitals', 'Local://keys.json'],
    ['a scheme of more than 32 characters', `${'a'.repeat(33)}://x`],
    ['no name', 'awskms://'],
    ['a name of slashes alone', 'awskms:///'],
    ['four slashes', 'awskms:////a'],
    ['an empty segment', 'awskms://a//b'],
    ['a slash at the end', 'awskms://a/'],
    ['a dot segment', 'awskms://a/./b'],
    ['a dot-dot segment', 'awskms://a/../b'],
    ['an encoded dot-dot segment', 'awskms://a/%2e%2E/b'],
    ['a dot-dot between encoded slashes', 'awskms://a%2F..%2Fb'],
    ['an encoded slash at the end', 'awskms://a%2F'],
    ['a bare percent sign', 'awskms://a%'],
    ['percent-encoded bytes that are no UTF-8', 'awskms://a%ff'],
    ['an encoded control character', 'awskms://a%00b'],
    ['a line break', 'awskms://a\nb'],
    ['a lone surrogate', 'awskms://a\ud800'],
    ['an empty query', 'awskms://a?'],
    ['a parameter without a value', 'awskms://a?region'],
    ['a parameter without a name', 'awskms://a?=b'],
    ['a parameter given twice', 'awskms://a?b=1&b=2'],
    ['a parameter given twice, once encoded', 'awskms://a?b=1&%62=2'],
    ['an empty fragment', 'awskms://a#'],
    ['a fragment that is no JSON pointer', 'awskms://a#/b~2'],
    ['no path', 'local://?name=a'],
  ])('refuses %s', (_what, text) => {
    expect(refusal(() => parseReference(text)).code).toBe('INVALID_ARGUMENT')
  })

  test('refuses what is no text', () => {
    expect(refusal(() => parseReference(undefined as never)).code).toBe('INVALID_ARGUMENT') // what a script may pass
  })

  test('reads back whatever is written with every part percent-encoded', () => {
    const part = fc
      .string({ unit: 'grapheme', minLength: 1 })
      .filter((text) => text.isWellFormed() && !/\p{Cc}/u.test(text))
    const segment = part.filter((text) => !text.split('/').some((name) => ['', '.', '..'].includes(name)))
    const reference = fc.record({
      scheme: fc.stringMatching(/^[a-z][a-z0-9+.-]{0,31}$/).filter((scheme) => scheme !== 'local'),
      slashes: fc.constantFrom('//', '///'),
      segments: fc.array(segment, { minLength: 1 }),
      parameters: fc.dictionary(part, fc.oneof(part, fc.constant(''))),
      fragment: fc.option(
        part.filter((text) => !text.startsWith('/')),
        { nil: undefined },
      ),
    })
    fc.assert(
      fc.property(reference, ({ scheme, slashes, segments, parameters, fragment }) => {
        const query = Object.entries(parameters).map((pair) => pair.map(encodeURIComponent).join('='))
        const text = [
          `${scheme}:${slashes}${segments.map(encodeURIComponent).join('/')}`,
          query.length === 0 ? '' : `?${query.join('&')}`,
          fragment === undefined ? '' : `#${encodeURIComponent(fragment)}`,
        ].join('')
        const parsed = parseReference(text)
        expect(parsed).toMatchObject({ scheme, segments, name: segments.join('/'), fragment })
        expect([...parsed.parameters]).toEqual(Object.entries(parameters))
      }),
    )
  })

  test('answers any text with a reference or INVALID_ARGUMENT, and never shows it', () => {
    const secret = 'hunter2hunter2'
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc
        .array(fc.constantFrom('a', secret, '://', '/', '?', '#', '=', '&', '%', '..', '~', '\0', 'local', '%2e'))
        .map((pieces) => pieces.join('')),
    )
    fc.assert(
      fc.property(text, (input) => {
        try {
          const { segments, scheme } = parseReference(input)
          if (scheme !== 'local') expect(segments).not.toContain('..')
        } catch (error) {
          expect(KeyfoldError.is(error) && error.code).toBe('INVALID_ARGUMENT')
          // A scheme may be named; what follows it may not.
          const scheme = input.slice(0, Math.max(input.indexOf('://'), 0))
          if (!scheme.includes(secret)) expect(String(error)).not.toContain(secret)
        }
      }),
      { numRuns: 1000 },
    )
  })
})

test('a parameter that the scheme lacks is refused without being shown', () => {
  const reference = parseReference('awskms://a?region=eu&hunter2=x')
  demandParameters(reference, ['region', 'hunter2'])
  const error = refusal(() => demandParameters(reference, ['region']))
  expect(error.code).toBe('INVALID_ARGUMENT')
  expect(error.message).toContain('region')
  expect(error.message).not.toContain('hunter2')
})
