// CSV files that spreadsheets read right (RFC 4180).

// A spreadsheet evaluates a cell that begins with one of these (the full-width forms, too). Values come
// from callers and webhooks, so such a cell is marked as text by an apostrophe. Signed numbers stay.
const begins = /^\s*[=@\uff1d\uff20\uff0b\uff0d]|^[\t\r\n]/
const isSigned = (s: string) => /^\s*[+-]/.test(s) && !/^[+-][\d.]+$/.test(s)
const safe = (s: string) => (begins.test(s) || isSigned(s) ? `'${s}` : s)
const quoted = (s: string) => (/[",;\t\n\r]/.test(s) ? `"${s.replaceAll('"', '""')}"` : s)

export const csvLine = (cells: string[]) => `${cells.map((c) => quoted(safe(c))).join(',')}\r\n`

export function download(name: string, parts: string[], type: string) {
  const a = document.createElement('a')
  a.href = URL.createObjectURL(new Blob(parts, { type }))
  a.download = name
  a.click()
  setTimeout(() => URL.revokeObjectURL(a.href), 1000)
}

// Excel takes UTF-8 for the system's own encoding unless the file begins with a byte order mark.
export const downloadCsv = (name: string, lines: string[]) => download(name, ['\ufeff', ...lines], 'text/csv')
