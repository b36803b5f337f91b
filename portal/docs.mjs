// The pages of ../docs as HTML, and the API reference by Swagger UI: served by the binary at /docs.
import { copyFileSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, posix, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Marked } from 'marked'

const here = dirname(fileURLToPath(import.meta.url))
const source = join(here, '../docs'), target = join(here, 'dist/docs')
const files = readdirSync(source, { recursive: true, withFileTypes: true }).filter((f) => f.isFile()).map((f) => relative(source, join(f.parentPath ?? f.path, f.name))).sort()

// Where a file of the folder is served. The reference has /docs/api, so its introduction is elsewhere.
const url = (file) => (file === 'api.md' ? '/docs/http-api' : `/docs/${file.replace(/(^|\/)README\.md$/, '').replace(/\.md$/, '')}`.replace(/\/$/, ''))
const slug = (text) => text.toLowerCase().replace(/<[^>]*>/g, '').replace(/[^\w -]/g, '').replaceAll(' ', '-')
const escape = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
const titleOf = (text) => /^# (.*)$/m.exec(text)?.[1] ?? 'Strowger'

function html(file, text) {
  const place = (href) => {
    if (/^[a-z]+:|^#/.test(href)) return href
    const [path, anchor] = href.split('#')
    const inDocs = posix.normalize(posix.join(posix.dirname(file), path))
    if (inDocs.startsWith('..')) return null // a file of the source, which is not served
    return url(inDocs) + (anchor ? `#${anchor}` : '')
  }
  const marked = new Marked({ renderer: {
    heading({ tokens, depth }) {
      const inner = this.parser.parseInline(tokens)
      return `<h${depth} id="${slug(inner)}">${inner}</h${depth}>\n`
    },
    link({ href, tokens }) {
      const to = place(href), inner = this.parser.parseInline(tokens)
      return to ? `<a href="${escape(to)}">${inner}</a>` : inner
    },
    image: ({ href, text: alt }) => `<img src="${escape(place(href) ?? '')}" alt="${escape(alt)}">`,
    table(token) {
      const row = (cells, tag) => `<tr>${cells.map((c) => `<${tag}>${this.parser.parseInline(c.tokens)}</${tag}>`).join('')}</tr>`
      return `<div class="wide" tabindex="0" role="group" aria-label="Table"><table><thead>${row(token.header, 'th')}</thead><tbody>${token.rows.map((r) => row(r, 'td')).join('')}</tbody></table></div>`
    },
    code: ({ text: code }) => `<pre tabindex="0"><code>${escape(code)}</code></pre>\n`,
  } })
  return marked.parse(text)
}

const sections = [
  ['Begin', ['quick-start.md', 'guide-intake.md', 'concepts.md', 'incoming-webhooks.md', 'outgoing-webhooks.md', 'routing.md', 'money.md', 'dni.md', 'rtb.md', 'trunks.md', 'sip.md', 'operations.md', 'cookbook/README.md']],
  ['Reference', ['nodes/README.md', 'api.md']],
  ['Inside', ['architecture.md', 'adding-a-node-type.md', ...files.filter((f) => f.startsWith('decisions/'))]],
]
const texts = new Map(files.filter((f) => f.endsWith('.md')).map((f) => [f, readFileSync(join(source, f), 'utf8')]))
const navigation = (current) => sections.map(([name, list]) => `<h2>${name}</h2><ul>${list.map((f) => `<li><a href="${url(f)}"${f === current ? ' aria-current="page"' : ''}>${escape(titleOf(texts.get(f)))}</a></li>`).join('')}${name === 'Reference' ? '<li><a href="/docs/api">API reference</a></li>' : ''}</ul>`).join('')
const page = (title, current, body) => `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" type="image/svg+xml" href="/icon.svg"><title>${escape(title)} · Strowger</title><link rel="stylesheet" href="/docs/docs.css"></head>
<body><header><a href="/docs">Strowger documentation</a><a href="/">Portal</a></header><div class="page"><nav aria-label="Documentation">${navigation(current)}</nav><main>${body}</main></div></body></html>
`
const write = (path, text) => {
  mkdirSync(dirname(join(target, path)), { recursive: true })
  writeFileSync(join(target, path), text)
}

for (const file of files) {
  const text = texts.get(file)
  if (text) {
    const to = url(file).slice('/docs/'.length)
    write(/README\.md$/.test(file) ? `${to}/index.html` : `${to}.html`, page(titleOf(text), file, html(file, text)))
  } else {
    mkdirSync(dirname(join(target, file)), { recursive: true })
    copyFileSync(join(source, file), join(target, file))
  }
}
const listed = sections.map(([name, list]) => `<h2>${name}</h2><ul>${list.map((f) => `<li><a href="${url(f)}">${escape(titleOf(texts.get(f)))}</a></li>`).join('')}</ul>`).join('')
write('index.html', page('Documentation', null, `<h1>Documentation</h1><p>Of the version that runs here.</p>${listed}<p><a href="/docs/api">API reference</a>: every path, made from the tables that validate.</p>`))
copyFileSync(join(here, 'docs.css'), join(target, 'docs.css'))

const swagger = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'))
mkdirSync(join(target, 'api'), { recursive: true })
for (const file of ['swagger-ui-bundle.js', 'swagger-ui.css']) copyFileSync(join(swagger, file), join(target, 'api', file))
for (const [file, name] of [['swagger-ui-bundle.js.LICENSE.txt', 'LICENSES.txt'], ['NOTICE', 'NOTICE.txt']]) copyFileSync(join(swagger, file), join(target, 'api', name))
copyFileSync(join(here, 'api-reference.js'), join(target, 'api/start.js'))
write('api/index.html', `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" type="image/svg+xml" href="/icon.svg"><title>API reference · Strowger</title><link rel="stylesheet" href="/docs/docs.css"><link rel="stylesheet" href="/docs/api/swagger-ui.css"></head>
<body><header><a href="/docs">Strowger documentation</a><a href="/docs/http-api">How to use it</a><a href="/">Portal</a></header><main id="reference" class="reference"></main><script src="/docs/api/swagger-ui-bundle.js"></script><script src="/docs/api/start.js"></script></body></html>
`)
