/** Secrets that are text, so that they are found however they are printed. Not in one piece: NODE_DEBUG prints the sources too. */
export const canaries = {
  dataKey: ['DATA', 'KEY', 'CANARY', '0123456789abcdef'].join('-'),
  secretKey: ['SECRET', 'ACCESS', 'KEY', 'CANARY'].join('-'),
  sessionToken: ['SESSION', 'TOKEN', 'CANARY'].join('-'),
  grantToken: ['GRANT', 'TOKEN', 'CANARY'].join('-'),
} as const

/** Which of the secrets shows in a text, as text, hex, base64 or a list of numbers. */
export function canariesIn(text: string): readonly string[] {
  const compact = text.replace(/\s/g, '').replace(/"?\d+"?:/g, '')
  return Object.entries(canaries).flatMap(([name, secret]) => {
    const part = Buffer.from(secret).subarray(0, 12)
    const forms = [part.toString('latin1'), part.toString('hex'), part.toString('base64'), [...part].join(',')]
    return forms.some((form) => compact.includes(form)) ? [name] : []
  })
}
