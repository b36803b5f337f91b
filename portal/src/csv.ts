// A spreadsheet takes what begins with = or @ for a formula, and some tags come from outside: those become text.
const safe = (s: string) => (/^[=@\t\r]/.test(s) || (/^[+-]/.test(s) && !/^[+-][\d.]+$/.test(s)) ? `'${s}` : s)
const quoted = (s: string) => (/[",\n\r]/.test(s) ? `"${s.replaceAll('"', '""')}"` : s)

export const csvLine = (cells: string[]) => `${cells.map((c) => quoted(safe(c))).join(',')}\n`

export function download(name: string, parts: string[], type: string) {
  const a = document.createElement('a')
  a.href = URL.createObjectURL(new Blob(parts, { type }))
  a.download = name
  a.click()
  setTimeout(() => URL.revokeObjectURL(a.href), 1000)
}
