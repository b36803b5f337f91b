// The kinds of configuration: their place in the API and in the portal.
import { t } from './text'

export interface Kind {
  title: string
  one: string
  path: string // of the API
  page: string // of the portal
  schema: string
  columns: string[]
  teaches: string
}

export const kinds: Record<string, Kind> = {
  campaigns: { title: t('Campaigns'), one: t('Campaign'), path: 'campaigns', page: '/campaigns', schema: 'Campaign', columns: ['name', 'execution_mode', 'enabled'], teaches: t('A campaign is what calls belong to. Make one, choose what runs its calls, then give it a number.') },
  flows: { title: t('Call flows'), one: t('Call flow'), path: 'call-flows', page: '/data/call-flows', schema: 'CallFlow', columns: ['name', 'published_version', 'updated_at'], teaches: t('A call flow is logic you draw once and use in any number of campaigns. Name one above to begin.') },
  plans: { title: t('Routing plans'), one: t('Routing plan'), path: 'routing-plans', page: '/routing-plans', schema: 'RoutingPlan', columns: ['name', 'strategy'], teaches: t('A routing plan is an ordered list of targets with filters.') },
  targets: { title: t('Targets'), one: t('Target'), path: 'targets', page: '/targets', schema: 'Target', columns: ['name', 'buyer_id', 'enabled'], teaches: t('A target is where a call can be sent: a SIP URI, or a number over a trunk.') },
  buyers: { title: t('Buyers'), one: t('Buyer'), path: 'buyers', page: '/buyers', schema: 'Buyer', columns: ['name'], teaches: t('Buyers pay for calls.') },
  publishers: { title: t('Publishers'), one: t('Publisher'), path: 'publishers', page: '/publishers', schema: 'Publisher', columns: ['name'], teaches: t('Publishers send calls.') },
  numbers: { title: t('Numbers'), one: t('Number'), path: 'numbers', page: '/numbers', schema: 'Number', columns: ['number', 'campaign_id', 'publisher_id', 'pool_id'], teaches: t('A tracking number brings its calls to a campaign.') },
  prompts: { title: t('Prompts'), one: t('Prompt'), path: 'prompts', page: '/prompts', schema: 'Prompt', columns: ['name', 'voice', 'has_audio'], teaches: t('Audio for callers: a file you upload, or a text that is spoken. Save one, then add its file.') },
  incoming: { title: t('Incoming webhooks'), one: t('Incoming webhook'), path: 'incoming-webhooks', page: '/data/webhooks/incoming', schema: 'IncomingWebhook', columns: ['name', 'types', 'enabled'], teaches: t('A URL with a key by which a CRM or form sends data about a caller.') },
  outgoing: { title: t('Outgoing webhooks'), one: t('Outgoing webhook'), path: 'outgoing-webhooks', page: '/data/webhooks/outgoing', schema: 'OutgoingWebhook', columns: ['name', 'url', 'event_types', 'enabled'], teaches: t('Events you choose are sent to a URL, signed, and tried again until they are taken.') },
  pools: { title: t('Number pools'), one: t('Number pool'), path: 'number-pools', page: '/number-pools', schema: 'NumberPool', columns: ['name', 'campaign_id', 'fallback_number'], teaches: t('A pool lends its numbers to visitors of landing pages, one each, so that a call tells whose it is.') },
  snippets: { title: t('DNI snippets'), one: t('DNI snippet'), path: 'dni-snippets', page: '/dni-snippets', schema: 'DniSnippet', columns: ['name', 'pool_id', 'enabled'], teaches: t('A line for a landing page: its script shows each visitor a number of a pool.') },
  inboundRtb: { title: t('RTB endpoints'), one: t('RTB endpoint'), path: 'inbound-rtb', page: '/rtb/inbound', schema: 'InboundRtb', columns: ['name', 'campaign_id', 'publisher_id', 'enabled'], teaches: t('A URL at which a publisher asks before it sends a call: would you take this caller, for how much, on which number?') },
  rtbTargets: { title: t('RTB targets'), one: t('RTB target'), path: 'rtb-targets', page: '/rtb/targets', schema: 'RtbTarget', columns: ['name', 'buyer_id', 'enabled'], teaches: t('A buyer that is asked, call by call, what it pays. Say how it is asked and how its answer is read, then put it into a ring tree.') },
  ringTrees: { title: t('Ring trees'), one: t('Ring tree'), path: 'ring-trees', page: '/rtb/ring-trees', schema: 'RingTree', columns: ['name', 'timeout_ms', 'enabled'], teaches: t('RTB targets that are asked at once; the best bid gets the call. A routing plan has it as an entry, a call flow as a node.') },
  tags: { title: t('Custom tags'), one: t('Custom tag'), path: 'custom-tags', page: '/data/webhooks/custom-tags', schema: 'CustomTag', columns: ['name', 'type', 'sensitive', 'report'], teaches: t('A custom tag is a key that each call can have a value for, from webhooks, SIP headers or flow nodes.') },
  lists: { title: t('Lists'), one: t('List'), path: 'lists', page: '/data/lists', schema: 'List', columns: ['name'], teaches: t('Values that filters look up: blocked callers, served ZIP codes.') },
  users: { title: t('Users'), one: t('User'), path: 'users', page: '/settings/users', schema: 'User', columns: ['email', 'name', 'role'], teaches: t('Who may sign in here.') },
  keys: { title: t('API keys'), one: t('API key'), path: 'api-keys', page: '/settings/api-keys', schema: 'ApiKey', columns: ['name', 'role'], teaches: t('What programs authenticate with.') },
  trunks: { title: t('Trunks'), one: t('Trunk'), path: 'trunks', page: '/settings/trunks', schema: 'Trunk', columns: ['name'], teaches: t('A trunk says whose SIP calls are accepted, and where calls to numbers are sent.') },
}

// By the API's name of one: "routing_plan", "call_flow".
export const kindOf = (name: string): Kind | undefined => Object.values(kinds).find((k) => [`${name.replaceAll('_', '-')}s`, name.replaceAll('_', '-')].includes(k.path))
