import type { Kind } from './resources'

export const kinds: Record<string, Kind> = {
  campaigns: { title: 'Campaigns', one: 'Campaign', path: 'campaigns', page: '/campaigns', schema: 'Campaign', columns: ['name', 'execution_mode', 'enabled'], teaches: 'A campaign is what calls belong to. Make one, choose what runs its calls, then give it a number.' },
  plans: { title: 'Routing plans', one: 'Routing plan', path: 'routing-plans', page: '/routing-plans', schema: 'RoutingPlan', columns: ['name', 'strategy'], teaches: 'A routing plan is an ordered list of targets with filters.' },
  targets: { title: 'Targets', one: 'Target', path: 'targets', page: '/targets', schema: 'Target', columns: ['name', 'enabled'], teaches: 'A target is where a call can be sent: a SIP URI, or a number over a trunk.' },
  buyers: { title: 'Buyers', one: 'Buyer', path: 'buyers', page: '/buyers', schema: 'Buyer', columns: ['name'], teaches: 'Buyers pay for calls.' },
  publishers: { title: 'Publishers', one: 'Publisher', path: 'publishers', page: '/publishers', schema: 'Publisher', columns: ['name'], teaches: 'Publishers send calls.' },
  numbers: { title: 'Numbers', one: 'Number', path: 'numbers', page: '/numbers', schema: 'Number', columns: ['number', 'campaign_id'], teaches: 'A tracking number brings its calls to a campaign.' },
  prompts: { title: 'Prompts', one: 'Prompt', path: 'prompts', page: '/prompts', schema: 'Prompt', columns: ['name', 'voice', 'has_audio'], teaches: 'Audio for callers: uploaded with the API, or spoken from a text.' },
  incoming: { title: 'Incoming webhooks', one: 'Incoming webhook', path: 'incoming-webhooks', page: '/data/webhooks/incoming', schema: 'IncomingWebhook', columns: ['name', 'types', 'enabled'], teaches: 'A URL with a key by which a CRM or form sends data about a caller.' },
  outgoing: { title: 'Outgoing webhooks', one: 'Outgoing webhook', path: 'outgoing-webhooks', page: '/data/webhooks/outgoing', schema: 'OutgoingWebhook', columns: ['name', 'url', 'event_types', 'enabled'], teaches: 'Events you choose are sent to a URL, signed, and tried again until they are taken.' },
  tags: { title: 'Custom tags', one: 'Custom tag', path: 'custom-tags', page: '/data/webhooks/custom-tags', schema: 'CustomTag', columns: ['name', 'type', 'sensitive'], teaches: 'A custom tag is a key that each call can have a value for, from webhooks, SIP headers or flow nodes.' },
  lists: { title: 'Lists', one: 'List', path: 'lists', page: '/data/lists', schema: 'List', columns: ['name'], teaches: 'Values that filters look for with in_list: blocked callers, served zip codes.' },
  users: { title: 'Users', one: 'User', path: 'users', page: '/settings/users', schema: 'User', columns: ['email', 'name', 'role'], teaches: 'Who may sign in here.' },
  keys: { title: 'API keys', one: 'API key', path: 'api-keys', page: '/settings/api-keys', schema: 'ApiKey', columns: ['name', 'role'], teaches: 'What programs authenticate with.' },
  trunks: { title: 'Trunks', one: 'Trunk', path: 'trunks', page: '/settings/trunks', schema: 'Trunk', columns: ['name'], teaches: 'A trunk says whose SIP calls are accepted, and where calls to numbers are sent.' },
}
