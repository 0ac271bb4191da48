// The page's frame: the bar at the top and the way to the views, which stands at the bottom on a phone.
//
// Invariant: where one is, is marked with aria-current and with more than a colour.
//
// Deliberately not here: a menu button that hides the views. There are five.

import { useState } from "preact/hooks";
import type { Line } from "../contract";
import { choose, LANGUAGES, useWords, type Language } from "../i18n";
import type { LiveState } from "../live";
import { href, VIEWS, type Place, type View } from "../route";
import { chooseTheme, chosenTheme, THEMES, type Theme } from "../theme";
import { Button, Dialog } from "./basics";
import { Icon } from "./icons";

interface Props {
  line: Line;
  lines: Line[];
  live: LiveState;
  place: Place;
  onLanguage: (language: Language) => void;
  onSignOut?: () => Promise<void>;
}

export function Header({ line, lines, live, place, onLanguage, onSignOut }: Props) {
  const { t } = useWords();
  const [isOpen, setOpen] = useState(false);
  const view: View = place.view === "conversation" ? "now" : place.view;
  return (
    <header class="bar">
      <a class="brand" href={href(line.id, "now")}>Baton</a>
      {lines.length > 1
        ? (
          <select class="line" aria-label={t.app.line} value={line.id}
            onChange={(event) => { location.hash = href(event.currentTarget.value, view); }}>
            {lines.map(({ id }) => <option key={id} value={id}>{id}</option>)}
          </select>
        )
        : <span class="line" title={t.app.line}>{line.id}</span>}
      <LiveSign state={live} />
      <button type="button" class="button quiet square" aria-label={t.app.settings} onClick={() => setOpen(true)}><Icon name="settings" /></button>
      {isOpen && (
        <Dialog title={t.app.settings} end={t.app.close} onClose={() => setOpen(false)}>
          <Appearance onLanguage={onLanguage} />
          {onSignOut && <Button onPress={onSignOut}>{t.app.signOut}</Button>}
        </Dialog>
      )}
    </header>
  );
}

function LiveSign({ state }: { state: LiveState }) {
  const { t } = useWords();
  const text = state === "live" ? t.app.live : state === "broken" ? t.app.notLive : t.app.connecting;
  return <span class={`live is-${state}`} role="status" data-testid="live"><span class="dot" aria-hidden="true" />{text}</span>;
}

/** Language and theme; also on the sign-in, where nobody is known yet. */
export function Appearance({ onLanguage }: { onLanguage: (language: Language) => void }) {
  const { t, language } = useWords();
  const [theme, setTheme] = useState<Theme>(chosenTheme());
  return (
    <div class="appearance">
      <label>
        {t.app.language}
        <select value={language} onChange={(event) => {
          const chosen = event.currentTarget.value as Language;
          choose(chosen);
          onLanguage(chosen);
        }}>
          {Object.entries(LANGUAGES).map(([code, name]) => <option key={code} value={code} lang={code}>{name}</option>)}
        </select>
      </label>
      <label>
        {t.app.theme}
        <select value={theme} onChange={(event) => {
          const chosen = event.currentTarget.value as Theme;
          chooseTheme(chosen);
          setTheme(chosen);
        }}>
          {THEMES.map((name) => <option key={name} value={name}>{t.app.themes[name]}</option>)}
        </select>
      </label>
    </div>
  );
}

export function Navigation({ line, view }: { line: string; view: Place["view"] }) {
  const { t } = useWords();
  return (
    <nav class="views" aria-label={t.app.nav}>
      <ul>
        {VIEWS.map((name) => {
          const isHere = name === view || (name === "now" && view === "conversation");
          return (
            <li key={name}>
              <a href={href(line, name)} {...(isHere ? { "aria-current": view === name ? "page" as const : "true" as const } : {})}>
                <Icon name={name} /><span>{t.views[name]}</span>
              </a>
            </li>
          );
        })}
      </ul>
    </nav>
  );
}
