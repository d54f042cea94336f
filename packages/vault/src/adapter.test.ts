import { createRegistry } from '@keyfold/core'
import { expect, test } from 'vitest'
import { vault } from './adapter.ts'

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
