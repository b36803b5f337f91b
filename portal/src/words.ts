// A name of the API as people read it.
export const words = (name: string) => name.replaceAll('_', ' ')
