// Every text that people read goes through t(). The English text is its own key; texts/en.json is the catalogue
// that translations begin with (scripts/texts keeps it whole), and says how many things are counted.
import i18next from 'i18next'
import counted from '../texts/counted.json'

void i18next.init({
  lng: 'en', fallbackLng: 'en', keySeparator: false, nsSeparator: false, initAsync: false, returnEmptyString: false,
  interpolation: { escapeValue: false, prefix: '{', suffix: '}' }, resources: { en: { translation: counted } },
})
export const t = (text: string, values?: Record<string, unknown>): string => i18next.t(text, values ?? {})
