// A name of the API as people read it.
export const words = (name: string) => name.replaceAll('_', ' ')
// The same as a label: "routing_plan_id" is "Routing plan", "sip_uris" "SIP URIs".
const short = /\b(sip|uri|url|rtp|http|ip|json|csv|hmac|rtb)(s?)\b/gi
export const label = (name: string) => (name.charAt(0).toUpperCase() + name.slice(1)).replaceAll('_', ' ').replace(/ id$/, '').replace(/ ids$/, 's').replace(short, (_, word: string, s: string) => word.toUpperCase() + s)

// "state = TX" a line.
export const lines = (text: string) => Object.fromEntries(text.split('\n').map((l) => l.split('=')).filter(([k, v]) => k.trim() && v !== undefined).map(([k, ...v]) => [k.trim(), v.join('=').trim()]))
