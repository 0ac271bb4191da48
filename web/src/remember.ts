// What the browser remembers of this page: language, appearance, the line last looked at.
//
// Invariant: the page works without it; a browser that refuses storage only forgets.
//
// Deliberately not here: anything of a customer's, and no token.

export type Key = "language" | "theme" | "line";

export function remembered(key: Key): string | null {
  try {
    return localStorage.getItem(`baton.${key}`);
  } catch {
    return null;
  }
}

export function remember(key: Key, value: string) {
  try {
    localStorage.setItem(`baton.${key}`, value);
  } catch {
    // Private windows may refuse.
  }
}
