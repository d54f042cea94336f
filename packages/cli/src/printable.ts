/**
 * Text that somebody else wrote, fit for a terminal: controls (escape sequences begin with one), marks that reorder text and
 * invisible characters are shown by number. Line breaks too, unless `lines` are the text's own.
 */
export function printable(text: string, { lines = false }: { readonly lines?: boolean } = {}): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/gu, (character) =>
    lines && character === '\n' ? character : `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  )
}
