// A code editor with a field's label, description and error, that offers the node's ports and what the script can
// read. Loaded when one is first shown.
import type { CompletionContext, CompletionResult } from '@codemirror/autocomplete'
import { javascript, javascriptLanguage } from '@codemirror/lang-javascript'
import { Input, useComputedColorScheme } from '@mantine/core'
import { basicSetup, EditorView } from 'codemirror'
import { useContext, useEffect, useRef } from 'react'
import { IsReadOnly, NodePorts, useNames } from './names'
import { t } from './text'

interface Props {
  value: string
  onChange: (v: string | null) => void
  label: string
  description?: string
  error?: string
  required?: boolean
}

export default function Code({ value, onChange, ...field }: Props) {
  const box = useRef<HTMLDivElement>(null)
  const view = useRef<EditorView | null>(null)
  const told = useRef(onChange)
  told.current = onChange
  const ports = useContext(NodePorts), { tags, variables, fields } = useNames()
  const member = (of: string, name: string) => (/^[A-Za-z_]\w*$/.test(name) ? `${of}.${name}` : `${of}['${name}']`)
  const offered = useRef<{ label: string; type: string; detail: string }[]>([])
  offered.current = [
    ...ports.map((label) => ({ label, type: 'enum', detail: t('port') })), ...tags.map((name) => ({ label: member('tags', name), type: 'property', detail: t('tag') })),
    ...variables.map((name) => ({ label: member('vars', name), type: 'property', detail: t('variable') })), ...fields.filter((f) => f.startsWith('call.')).map((label) => ({ label, type: 'property', detail: t('call') })),
  ]
  const complete = (context: CompletionContext): CompletionResult | null => {
    const word = context.matchBefore(/[\w.]*/)
    return !word || (word.from === word.to && !context.explicit) ? null : { from: word.from, options: offered.current, validFor: /^[\w.]*$/ }
  }
  const isReadOnly = useContext(IsReadOnly)
  const dark = useComputedColorScheme('light') === 'dark'
  useEffect(() => {
    const look = EditorView.theme({ '&': { fontSize: '12.5px' }, '.cm-content': { minHeight: '12em' }, '&.cm-focused': { outline: '2px solid var(--mantine-primary-color-filled)' } }, { dark })
    const changes = EditorView.updateListener.of((u) => u.docChanged && told.current(u.state.doc.toString() || null))
    view.current = new EditorView({ doc: value, parent: box.current!, extensions: [basicSetup, javascript(), javascriptLanguage.data.of({ autocomplete: complete }), look, changes, EditorView.lineWrapping, EditorView.editable.of(!isReadOnly), EditorView.contentAttributes.of({ 'aria-label': field.label })] })
    return () => view.current?.destroy()
  }, [dark]) // eslint-disable-line react-hooks/exhaustive-deps
  useEffect(() => {
    const v = view.current
    if (v && v.state.doc.toString() !== value) v.dispatch({ changes: { from: 0, to: v.state.doc.length, insert: value } })
  }, [value])
  return <Input.Wrapper {...field}><div ref={box} style={{ border: `1px solid var(--mantine-color-${field.error ? 'error' : 'default-border'})`, borderRadius: 4, marginTop: 4, overflow: 'hidden' }} /></Input.Wrapper>
}
