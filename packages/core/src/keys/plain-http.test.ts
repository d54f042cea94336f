import { expect, test } from 'vitest'
import { isPlainHttp } from './plain-http.ts'

test.each([
  'https://service.example',
  'http://localhost:8200',
  'http://LOCALHOST',
  'http://service.localhost',
  'http://127.0.0.1:4566/path',
  'http://127.1.2.3',
  'http://127.1',
  'http://[::1]:8200',
  'http://[0:0:0:0:0:0:0:1]',
])('%s is safe from whoever is on the way', (address) => {
  expect(isPlainHttp(new URL(address))).toBe(false)
})

test.each([
  'http://service.example',
  'http://10.0.0.1',
  'http://0.0.0.0',
  'http://127.0.0.1.example',
  'http://127.example',
  'http://localhost.example',
  'http://notlocalhost',
  'http://[::2]',
])('%s is not', (address) => {
  expect(isPlainHttp(new URL(address))).toBe(true)
})
