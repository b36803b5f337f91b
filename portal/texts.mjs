// texts/en.json is every text of the portal: what a translation begins with. `npm run texts` writes it; with
// --check it must be whole, and no text may stand outside t().
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

const here = dirname(fileURLToPath(import.meta.url)), root = join(here, 'src'), catalogue = join(here, 'texts/en.json')
const counted = JSON.parse(readFileSync(join(here, 'texts/counted.json'), 'utf8'))
const shown = new Set(['label', 'title', 'placeholder', 'description', 'aria-label', 'alt', 'nothingFoundMessage', 'legend'])
const names = ['Strowger', 'Ctrl', 'tag.state', 'completed', 'state = TX', 'tries = 2'] // names and examples, the same in every language
const texts = new Set(), wrong = []

for (const file of readdirSync(root, { recursive: true }).filter((f) => /\.tsx?$/.test(f)).sort()) {
  const source = ts.createSourceFile(file, readFileSync(join(root, file), 'utf8'), ts.ScriptTarget.Latest, true, file.endsWith('x') ? ts.ScriptKind.TSX : ts.ScriptKind.TS)
  const complain = (node, what) => wrong.push(`src/${file}:${source.getLineAndCharacterOfPosition(node.getStart()).line + 1} ${what}`)
  const free = (text) => /[a-z]{2}/.test(text) && !/^[[{]/.test(text.trim()) && !names.some((n) => text.includes(n))
  const visit = (node) => {
    if (ts.isCallExpression(node) && node.expression.getText() === 't') {
      const [text] = node.arguments
      if (text && ts.isStringLiteralLike(text)) texts.add(text.text)
      else if (file !== 'text.ts') complain(node, 't() takes a text that is written there')
    } else if (ts.isJsxText(node) && free(node.text)) complain(node, `"${node.text.trim()}" is no t()`)
    else if (ts.isJsxAttribute(node) && shown.has(node.name.getText()) && node.initializer && ts.isStringLiteral(node.initializer) && free(node.initializer.text)) complain(node, `"${node.initializer.text}" is no t()`)
    ts.forEachChild(node, visit)
  }
  visit(source)
}
for (const key of Object.keys(counted)) if (!texts.has(key.replace(/_(zero|one|two|few|many|other)$/, ''))) wrong.push(`texts/counted.json: nothing says "${key}"`)
const whole = `${JSON.stringify(Object.fromEntries([...[...texts].map((x) => [x, x]), ...Object.entries(counted)].sort(([a], [b]) => (a < b ? -1 : 1))), null, 2)}\n`
if (!process.argv.includes('--check')) writeFileSync(catalogue, whole)
else if (readFileSync(catalogue, 'utf8') !== whole) wrong.push('texts/en.json is not whole: npm run texts')
if (wrong.length) {
  console.error(wrong.join('\n'))
  process.exit(1)
}
