// The page's language: which one, and its words for every component.
//
// Invariant: the words are there before the first drawing and change as a whole.
//
// Deliberately not here: a library, and a search for the best match among regions. The region of the browser's own
// language still decides how dates and numbers are written.

import { createContext } from "preact";
import { useContext } from "preact/hooks";
import { en, type Catalogue } from "./en";
import { remember, remembered } from "../remember";

export const LANGUAGES = { en: "English", es: "Español", pt: "Português" } as const;
export type Language = keyof typeof LANGUAGES;
export type { Catalogue };

export interface Words { language: Language; locale: string; t: Catalogue }
const isLanguage = (name: string): name is Language => Object.hasOwn(LANGUAGES, name);

export function wanted(): Language {
  const chosen = remembered("language");
  if (chosen !== null && isLanguage(chosen)) return chosen;
  for (const tag of navigator.languages) {
    const base = tag.slice(0, 2).toLowerCase();
    if (isLanguage(base)) return base;
  }
  return "en";
}

export async function load(language: Language): Promise<Words> {
  const t = language === "es" ? (await import("./es")).es : language === "pt" ? (await import("./pt")).pt : en;
  const locale = navigator.languages.find((tag) => tag.toLowerCase().startsWith(language)) ?? language;
  document.documentElement.lang = language;
  return { language, locale, t };
}

export const choose = (language: Language) => remember("language", language);

export const WordsContext = createContext<Words>({ language: "en", locale: "en", t: en });
export const useWords = () => useContext(WordsContext);
