// What is known of one thing: named values, and tables whose cells are shown by what their column is called.
import { SimpleGrid, Table, Text } from '@mantine/core'
import { isValidElement, type ReactNode } from 'react'
import { Status, moment, plain } from './calls/fields'

const wrapped = { overflowWrap: 'anywhere' } as const

export function Facts({ of }: { of: [string, ReactNode][] }) {
  return (
    <SimpleGrid cols={{ base: 2, sm: 4 }}>
      {of.map(([label, value]) => (
        <div key={label}>
          <Text size="xs" c="dimmed">{label}</Text>
          <Text size="sm" component="div" style={wrapped}>{value}</Text>
        </div>
      ))}
    </SimpleGrid>
  )
}

const isMoment = (key: string) => key === 'at' || key === 'timestamp' || key.endsWith('_at')

function cell(key: string, value: unknown): ReactNode {
  if (isValidElement(value)) return value
  if (isMoment(key)) return moment(value)
  if (key === 'status' && typeof value === 'string') return <Status of={value} />
  return plain(value)
}

interface RowsProps {
  rows: Record<string, unknown>[]
  columns: [key: string, label: string][]
  empty: string // what is shown where there are none
}

export function Rows({ rows, columns, empty }: RowsProps) {
  if (!rows.length) return <Text c="dimmed" py="md">{empty}</Text>
  return (
    <Table.ScrollContainer minWidth={500}>
      <Table>
        <Table.Thead>
          <Table.Tr>{columns.map(([key, label]) => <Table.Th key={key}>{label}</Table.Th>)}</Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {rows.map((r, i) => (
            <Table.Tr key={i}>
              {columns.map(([key]) => (
                <Table.Td key={key} style={{ ...wrapped, minWidth: 60 }}>{cell(key, r[key])}</Table.Td>
              ))}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  )
}
