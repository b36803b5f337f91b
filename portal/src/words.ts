// Words for what no schema names.
import { t } from './text'

const spelled: Record<string, string> = {
  api: 'API', dni: 'DNI', e164: 'E.164', http: 'HTTP', id: 'ID', rtb: 'RTB', sip: 'SIP', tls: 'TLS', uri: 'URI', url: 'URL',
}

// A name of the API within a sentence: "no_answer" is "no answer", "sip_header" "SIP header".
export const words = (name: string) => name.split('_').map((word) => spelled[word] ?? word).join(' ')

// A detail of an error begins in lower case, as it follows a title; by itself it is a sentence.
export const sentence = (text: string) => text.charAt(0).toUpperCase() + text.slice(1)

// A name of the API as a label: "No answer".
export const label = (name: string) => sentence(words(name))

// Values of records, such as a call's status, that are called otherwise than by their names.
const values: Record<string, string> = {
  active: t('In progress'),
  dead: t('Gave up'),
  answered_elsewhere: t('Answered by another target'),
  no_call_flow: t('No published call flow'),
  delivery: t('Delivery'),
  hangup: t('Hang-up'),
}
export const said = (value: unknown) => values[String(value)] ?? label(String(value))

// Who ended a call.
const sides: Record<string, string> = {
  caller: t('caller'), target: t('target'), flow: t('call flow'), api: t('a user or the API'), system: t('Strowger'),
}
export const side = (value: unknown) => sides[String(value)] ?? words(String(value))

// "state = TX" a line.
export const lines = (text: string) => Object.fromEntries(text.split('\n').map((l) => l.split('=')).filter(([k, v]) => k.trim() && v !== undefined).map(([k, ...v]) => [k.trim(), v.join('=').trim()]))

// A time in the viewer's zone, which it names.
export const moment = (v: unknown) =>
  typeof v === 'string' ? new Date(v).toLocaleString(undefined, { timeZoneName: 'short' }) : '–'
