// The kinds of configuration: their place in the API and in the portal, and their names. A list's heading is its title,
// which is also its entry in the navigation.
import { t } from './text'

export interface Kind {
  title: string
  one: string
  create: string // the button of the list, and the heading of a new one
  none: string // the list without any
  teaches: string // what it is good for, below that
  path: string // of the API
  page: string // of the portal
  schema: string
  columns: string[]
  adminOnly?: boolean // changed only by owner and admin
}

export const kinds: Record<string, Kind> = {
  campaigns: {
    title: t('Campaigns'), one: t('Campaign'), create: t('Create Campaign'), none: t('No campaigns yet'),
    teaches: t('A campaign decides how the calls to its numbers run. Create one, then give it a number.'),
    path: 'campaigns', page: '/campaigns', schema: 'Campaign', columns: ['name', 'execution_mode', 'enabled'],
  },
  flows: {
    title: t('Call Flows'), one: t('Call Flow'), create: t('Create Call Flow'), none: t('No call flows yet'),
    teaches: t('A call flow is call logic that you draw once and use in any number of campaigns.'),
    path: 'call-flows', page: '/data/call-flows', schema: 'CallFlow',
    columns: ['name', 'published_version', 'updated_at'],
  },
  plans: {
    title: t('Routing Plans'), one: t('Routing Plan'), create: t('Create Routing Plan'), none: t('No routing plans yet'),
    teaches: t('A routing plan is an ordered list of targets with filters.'),
    path: 'routing-plans', page: '/routing-plans', schema: 'RoutingPlan', columns: ['name', 'strategy'],
  },
  targets: {
    title: t('Targets'), one: t('Target'), create: t('Create Target'), none: t('No targets yet'),
    teaches: t('A target is where a call can be sent: a SIP URI, a registered phone, or a number over a trunk.'),
    path: 'targets', page: '/targets', schema: 'Target', columns: ['name', 'buyer_id', 'enabled'],
  },
  buyers: {
    title: t('Buyers'), one: t('Buyer'), create: t('Create Buyer'), none: t('No buyers yet'),
    teaches: t('Buyers pay for calls.'),
    path: 'buyers', page: '/buyers', schema: 'Buyer', columns: ['name'],
  },
  publishers: {
    title: t('Publishers'), one: t('Publisher'), create: t('Create Publisher'), none: t('No publishers yet'),
    teaches: t('Publishers send calls.'),
    path: 'publishers', page: '/publishers', schema: 'Publisher', columns: ['name'],
  },
  numbers: {
    title: t('Numbers'), one: t('Number'), create: t('Create Number'), none: t('No numbers yet'),
    teaches: t('Calls to a tracking number belong to its campaign.'),
    path: 'numbers', page: '/numbers', schema: 'Number', columns: ['number', 'campaign_id', 'publisher_id', 'pool_id'],
  },
  prompts: {
    title: t('Prompts'), one: t('Prompt'), create: t('Create Prompt'), none: t('No prompts yet'),
    teaches: t('Audio for callers: an uploaded file, or a text that is spoken. Save the prompt first, then add its file.'),
    path: 'prompts', page: '/prompts', schema: 'Prompt', columns: ['name', 'voice', 'has_audio'],
  },
  incoming: {
    title: t('Incoming Webhooks'), one: t('Incoming Webhook'), create: t('Create Incoming Webhook'),
    none: t('No incoming webhooks yet'),
    teaches: t('A URL with a key, at which a CRM or a form sends data about a caller.'),
    path: 'incoming-webhooks', page: '/data/webhooks/incoming', schema: 'IncomingWebhook',
    columns: ['name', 'types', 'enabled'],
  },
  outgoing: {
    title: t('Outgoing Webhooks'), one: t('Outgoing Webhook'), create: t('Create Outgoing Webhook'),
    none: t('No outgoing webhooks yet'),
    teaches: t('Sends the events you choose to a URL, signed, and retries until the URL accepts them.'),
    path: 'outgoing-webhooks', page: '/data/webhooks/outgoing', schema: 'OutgoingWebhook',
    columns: ['name', 'url', 'event_types', 'enabled'],
  },
  pools: {
    title: t('Number Pools'), one: t('Number Pool'), create: t('Create Number Pool'), none: t('No number pools yet'),
    teaches: t('A number pool shows each website visitor a tracking number of their own, so that a call can be attributed to a visit.'),
    path: 'number-pools', page: '/number-pools', schema: 'NumberPool',
    columns: ['name', 'campaign_id', 'fallback_number'],
  },
  snippets: {
    title: t('DNI Snippets'), one: t('DNI Snippet'), create: t('Create DNI Snippet'), none: t('No DNI snippets yet'),
    teaches: t('A line of HTML for a landing page. Its script shows each visitor a number from a pool.'),
    path: 'dni-snippets', page: '/dni-snippets', schema: 'DniSnippet', columns: ['name', 'pool_id', 'enabled'],
  },
  inboundRtb: {
    title: t('RTB Endpoints'), one: t('RTB Endpoint'), create: t('Create RTB Endpoint'), none: t('No RTB endpoints yet'),
    teaches: t('A URL at which a publisher asks, before it sends a call, whether you take the caller, for how much, and on which number.'),
    path: 'inbound-rtb', page: '/rtb/inbound', schema: 'InboundRtb',
    columns: ['name', 'campaign_id', 'publisher_id', 'enabled'],
  },
  rtbTargets: {
    title: t('RTB Targets'), one: t('RTB Target'), create: t('Create RTB Target'), none: t('No RTB targets yet'),
    teaches: t('A buyer that is asked for a bid on each call. Describe the request and the response, then add the RTB target to a ring tree.'),
    path: 'rtb-targets', page: '/rtb/targets', schema: 'RtbTarget', columns: ['name', 'buyer_id', 'enabled'],
  },
  ringTrees: {
    title: t('Ring Trees'), one: t('Ring Tree'), create: t('Create Ring Tree'), none: t('No ring trees yet'),
    teaches: t('RTB targets that are asked at the same time; the best bid gets the call. A ring tree is an entry of a routing plan or a node of a call flow.'),
    path: 'ring-trees', page: '/rtb/ring-trees', schema: 'RingTree', columns: ['name', 'timeout_ms', 'enabled'],
  },
  tags: {
    title: t('Custom Tags'), one: t('Custom Tag'), create: t('Create Custom Tag'), none: t('No custom tags yet'),
    teaches: t('A custom tag is a key that each call can have a value for, from webhooks, SIP headers or call flows.'),
    path: 'custom-tags', page: '/data/webhooks/custom-tags', schema: 'CustomTag',
    columns: ['name', 'type', 'sensitive', 'report'],
  },
  lists: {
    title: t('Lists'), one: t('List'), create: t('Create List'), none: t('No lists yet'),
    teaches: t('Values that filters look up with in_list, such as blocked callers or served ZIP codes.'),
    path: 'lists', page: '/data/lists', schema: 'List', columns: ['name'],
  },
  users: {
    title: t('Users'), one: t('User'), create: t('Create User'), none: t('No users yet'),
    teaches: t('People who sign in to the portal.'),
    path: 'users', page: '/settings/users', schema: 'User', columns: ['email', 'name', 'role'], adminOnly: true,
  },
  keys: {
    title: t('API Keys'), one: t('API Key'), create: t('Create API Key'), none: t('No API keys yet'),
    teaches: t('Programs authenticate with an API key.'),
    path: 'api-keys', page: '/settings/api-keys', schema: 'ApiKey', columns: ['name', 'role'], adminOnly: true,
  },
  trunks: {
    title: t('Trunks'), one: t('Trunk'), create: t('Create Trunk'), none: t('No trunks yet'),
    teaches: t('A trunk defines whose SIP calls are accepted, and where calls to phone numbers are sent.'),
    path: 'trunks', page: '/settings/trunks', schema: 'Trunk', columns: ['name'], adminOnly: true,
  },
}

// By the API's name of one: "routing_plan", "call_flow".
export const kindOf = (name: string): Kind | undefined => Object.values(kinds).find((k) => [`${name.replaceAll('_', '-')}s`, name.replaceAll('_', '-')].includes(k.path))
