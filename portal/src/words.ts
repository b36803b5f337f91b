// A name of the API as people read it.
export const words = (name: string) => name.replaceAll('_', ' ')
// The same as a label: "routing_plan_id" is "Routing plan".
export const label = (name: string) => (name.charAt(0).toUpperCase() + name.slice(1)).replaceAll('_', ' ').replace(/ id$/, '').replace(/ ids$/, 's').replace(/\b[Uu]rl\b/, 'URL')
