import { createRegistry } from '@keyfold/core'
import { expect, test } from 'vitest'
import { vault } from './adapter.ts'
import { transit } from './transit.ts'

const registry = createRegistry([vault({ address: 'http://127.0.0.1:9', namespace: 'home' })])

test.each([
  ['hashivault://orders', 'home/transit/orders', true],
  ['hashivault:///orders?engine=team%2Ftransit', 'home/team/transit/orders', true],
  ['hashivault://orders?engine=transit&namespace=other', 'other/transit/orders', true],
  ['hashivault://orders?binding=none', 'home/transit/orders', false],
  ['hashivault://orders?binding=derived', 'home/transit/orders', true],
])('%s is the key %s, without a request', (reference, name, bindsContext) => {
  expect(registry.key(reference)).toMatchObject({ name, bindsContext, providerId: 'vault-transit' })
})

test.each([
  'hashivault://a/b',
  'hashivault://..',
  'hashivault://..%2fsys%2fseal',
  'hashivault://orders#field',
  'hashivault://orders?mount=transit',
  'hashivault://orders?address=http://elsewhere',
  'hashivault://orders?binding=some',
  'hashivault://orders?engine=..',
  'hashivault://orders?namespace=a%0ab',
])('%s is refused', (reference) => {
  expect(() => registry.key(reference)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
})

test('an option that is not known is refused, and the known ones named', () => {
  const refused = (make: () => unknown, text: string) =>
    expect(make).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining(text) }))
  const address = 'http://127.0.0.1:9'
  // Of no type that says what is in them: as plain JavaScript gives them.
  const misspelt: object = { address, namespase: 'home' }
  const misplaced: object = { address, mount: 'team' }
  refused(() => transit('orders', misspelt), 'transit: unknown option "namespase"; known are mount, binding, address,')
  refused(() => vault(misplaced), 'vault: unknown option "mount"; known are address,')
})
