// The list in a node's configuration that makes its ports. People give labels, or for scripts
// names; the ids that edges name are made here and never change with what is typed.
import {
  ActionIcon,
  Button,
  Fieldset,
  Group,
  Input,
  SimpleGrid,
  Stack,
  TextInput,
} from '@mantine/core'
import { useEffect, useRef, useState } from 'react'
import { Field } from '../SchemaForm'
import { isType, type Schema } from '../schema'
import { t } from '../text'
import { label as nameOf, words } from '../words'
import { elementsOf, freePort, isPortName, type Element } from './ports'
import type { NodeType } from './types'

type Config = Record<string, unknown>
type Item = Exclude<Element, string | null>
type Errors = (pointer: string) => string | undefined
interface Props {
  type: NodeType
  schema: Schema // of the list
  config: Config
  leaving: string[] // the ports that edges leave by
  errors: Errors
  onChange: (config: Config) => void
}

const isShort = (s: Schema) =>
  !s.$ref && !isType(s, 'array') && !isType(s, 'object') && !s.properties

export function PortList(props: Props) {
  return isType(props.schema.items!, 'string') ? <Names {...props} /> : <Elements {...props} />
}

// ---- objects with a port and a label: options, branches, shares ----

// The label that is shown and edited: without one it is the id, if people know that.
const shownLabel = (item: Item) => item.label ?? item.port ?? ''

function Elements({ type, schema, config, leaving, errors, onChange }: Props) {
  const list = type.ports_from!,
    title = schema.title ?? nameOf(list)
  const items = elementsOf(type, config).map((e) => (e && typeof e === 'object' ? e : {}))
  const box = useRef<HTMLDivElement>(null)
  const [added, setAdded] = useState(0)
  useEffect(() => {
    const labels = box.current?.querySelectorAll<HTMLInputElement>('[data-label]')
    if (added) labels?.[labels.length - 1]?.focus()
  }, [added])
  // An id that the server refuses, or that is missing, is replaced as soon as the element is
  // changed.
  const withId = (item: Item, others: Item[]): Item => {
    const isOwn = type.ports.some((p) => p.name === item.port)
    if (item.port && isPortName(item.port) && !isOwn) return item
    return { ...item, port: freePort(type, { [list]: others }, leaving) }
  }
  const set = (next: Item[]) => onChange({ ...config, [list]: next })
  const change = (i: number, item: Item) =>
    set(items.map((old, k) => (k === i ? withId(item, items) : old)))
  const add = () => {
    set([...items, withId({ label: '' }, items)])
    setAdded((n) => n + 1)
  }
  return (
    <Fieldset legend={title}>
      <Stack gap="sm" ref={box}>
        {schema.description && <Input.Description>{schema.description}</Input.Description>}
        {errors(`/${list}`) && <Input.Error>{errors(`/${list}`)}</Input.Error>}
        {items.map((item, i) => (
          <Group key={i} align="flex-start" wrap="nowrap" gap="xs">
            <ElementForm
              schema={schema.items!}
              title={`${title} ${i + 1}`}
              item={item}
              pointer={`/${list}/${i}`}
              errors={errors}
              onChange={(next) => change(i, next)}
            />
            <ActionIcon
              variant="subtle"
              color="red"
              mt={26}
              onClick={() => set(items.filter((_, k) => k !== i))}
              aria-label={t('Remove {label} {value}', { label: title, value: i + 1 })}
            >
              ×
            </ActionIcon>
          </Group>
        ))}
        <Button
          size="xs"
          variant="light"
          w="fit-content"
          aria-label={t('Add {what}', { what: title })}
          onClick={add}
        >
          {t('Add')}
        </Button>
      </Stack>
    </Fieldset>
  )
}

interface FormProps {
  schema: Schema // of an element
  title: string
  item: Item
  pointer: string
  errors: Errors
  onChange: (item: Item) => void
}

// What is short in a row, with the label; what is long below it.
function ElementForm({ schema, title, item, pointer, errors, onChange }: FormProps) {
  const fields = Object.entries(schema.properties ?? {}).filter(([name]) => name !== 'port')
  const short = fields.filter(([, s]) => isShort(s)),
    long = fields.filter(([, s]) => !isShort(s))
  const field = ([name, s]: [string, Schema], isLong: boolean) => (
    <Field
      key={name}
      schema={isLong ? s : { ...s, description: undefined }}
      label={s.title ?? nameOf(name)}
      pointer={`${pointer}/${name}`}
      errors={errors}
      required={schema.required?.includes(name)}
      value={item[name] ?? s.default}
      change={(update) => onChange({ ...item, [name]: update(item[name] ?? s.default) })}
    />
  )
  const label = (
    <TextInput
      key="label"
      data-label
      label={t('Label')}
      value={shownLabel(item)}
      placeholder={words(item.port ?? '')}
      error={errors(`${pointer}/label`) ?? errors(`${pointer}/port`)}
      onChange={(e) => onChange({ ...item, label: e.currentTarget.value })}
    />
  )
  return (
    <Fieldset legend={title} p="xs" style={{ flex: 1, minWidth: 0 }}>
      <Stack gap="xs">
        {errors(pointer) && <Input.Error>{errors(pointer)}</Input.Error>}
        <SimpleGrid cols={Math.max(1, short.length)} spacing="xs">
          {short.map((f) => (f[0] === 'label' ? label : field(f, false)))}
        </SimpleGrid>
        {long.map((f) => field(f, true))}
      </Stack>
    </Fieldset>
  )
}

// ---- names, which a script returns ----

function Names({ type, schema, config, errors, onChange }: Props) {
  const list = type.ports_from!,
    title = schema.title ?? nameOf(list)
  const names = elementsOf(type, config).filter((e): e is string => typeof e === 'string')
  const [added, setAdded] = useState('')
  const set = (next: string[]) => onChange({ ...config, [list]: next })
  // Why a name cannot be that of a port.
  const wrong = (name: string, others: string[]): string | undefined => {
    if (!isPortName(name)) return t('Use 1 to 40 letters, digits, and the characters _ - .')
    if (type.ports.some((p) => p.name === name))
      return t('Every script has the port {name}', { name })
    if (others.includes(name)) return t('Another port has this name')
    return undefined
  }
  const problem = added.trim() ? wrong(added.trim(), names) : undefined
  const add = () => {
    const name = added.trim()
    if (!name || problem) return
    set([...names, name])
    setAdded('')
  }
  return (
    <Stack gap="xs">
      {names.map((name, i) => (
        <Group key={i} align="flex-start" wrap="nowrap" gap="xs">
          <Name
            index={i}
            name={name}
            error={errors(`/${list}/${i}`)}
            wrong={(next) =>
              wrong(
                next,
                names.filter((_, k) => k !== i),
              )
            }
            onChange={(next) => set(names.map((old, k) => (k === i ? next : old)))}
          />
          <ActionIcon
            variant="subtle"
            color="red"
            mt={3}
            onClick={() => set(names.filter((_, k) => k !== i))}
            aria-label={t('Remove port {value}', { value: i + 1 })}
          >
            ×
          </ActionIcon>
        </Group>
      ))}
      <TextInput
        label={title}
        description={schema.description}
        placeholder={t('Name of a new port, then Enter')}
        inputWrapperOrder={['label', 'description', 'input', 'error']}
        value={added}
        error={problem ?? errors(`/${list}`)}
        onChange={(e) => setAdded(e.currentTarget.value)}
        onBlur={add}
        onKeyDown={(e) => e.key === 'Enter' && add()}
      />
    </Stack>
  )
}

interface NameProps {
  index: number
  name: string
  error: string | undefined
  wrong: (name: string) => string | undefined
  onChange: (name: string) => void
}

// A name is changed letter by letter; what cannot be a name is kept here, and the port keeps the
// name it has.
function Name({ index, name, error, wrong, onChange }: NameProps) {
  const [typed, setTyped] = useState(name)
  useEffect(() => setTyped(name), [name])
  const problem = typed === name ? undefined : wrong(typed)
  const kept = problem && t('{problem}. It is still called {name}.', { problem, name })
  const type = (next: string) => {
    setTyped(next)
    if (next !== name && !wrong(next)) onChange(next)
  }
  return (
    <TextInput
      style={{ flex: 1 }}
      aria-label={t('Port {value}', { value: index + 1 })}
      value={typed}
      error={kept ?? error}
      onChange={(e) => type(e.currentTarget.value)}
    />
  )
}
