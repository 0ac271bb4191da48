// Signing in with the operator's token.
//
// Invariant: the token goes to the gate once and is kept nowhere in the page; each way of failing has its own words.
//
// Deliberately not here: Cloudflare Access. Where it is in use, the page never gets here.

import { useEffect, useRef, useState } from "preact/hooks";
import * as api from "../api";
import type { Session } from "../contract";
import { useWords, type Language, type Words } from "../i18n";
import { Appearance } from "../parts/frame";
import { Icon } from "../parts/icons";

interface Props { hasEnded: boolean; error: unknown; onSignedIn: (session: Session) => void; onLanguage: (language: Language) => void }

export function SignIn({ hasEnded, error, onSignedIn, onLanguage }: Props) {
  const words = useWords();
  const { t } = words;
  const [token, setToken] = useState("");
  const [isShown, setShown] = useState(false);
  const [isBusy, setBusy] = useState(false);
  const [failed, setFailed] = useState<unknown>(error);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => { document.title = `${t.signIn.button} · Baton`; input.current?.focus(); }, [t]);

  const submit = async (event: Event) => {
    event.preventDefault();
    if (isBusy || token.trim() === "") return;
    setBusy(true);
    setFailed(null);
    try {
      onSignedIn(await api.signIn(token.trim()));
    } catch (reason) {
      setFailed(reason);
      setBusy(false);
      input.current?.select();
    }
  };

  return (
    <main class="alone">
      <form class="sign-in" onSubmit={submit} aria-labelledby="sign-in-title">
        <p class="brand">Baton</p>
        <h1 id="sign-in-title">{t.signIn.title}</h1>
        {hasEnded && failed === null && <p class="notice warn">{t.signIn.ended}</p>}
        <label for="token">{t.signIn.token}</label>
        <input id="token" ref={input} {...(isShown ? { type: "text" as const } : { type: "password" as const })} autocomplete="current-password" spellcheck={false}
          autocapitalize="none" required maxLength={512} value={token} aria-describedby="token-hint token-failed"
          aria-invalid={failed !== null} onInput={(event) => setToken(event.currentTarget.value)} />
        <p id="token-hint" class="hint">{t.signIn.hint}</p>
        <label class="check"><input type="checkbox" checked={isShown} onChange={(event) => setShown(event.currentTarget.checked)} />{t.signIn.show}</label>
        <div id="token-failed" role="alert">
          {failed !== null && <p class="notice bad"><Icon name="warn" /><span>{reason(words, failed)}</span></p>}
        </div>
        <button type="submit" class="button main" aria-disabled={isBusy} aria-busy={isBusy}>
          <span>{isBusy ? t.signIn.busy : t.signIn.button}</span>
        </button>
      </form>
      <Appearance onLanguage={onLanguage} />
    </main>
  );
}

function reason(words: Words, error: unknown): string {
  const { signIn } = words.t;
  if (!(error instanceof api.Failed)) return signIn.other(0);
  const detail = error.problem?.detail ?? "";
  switch (error.status) {
    case 0: return signIn.offline;
    case 401: return signIn.wrong;
    case 429: return signIn.tooMany;
    case 503: return `${signIn.notReady} ${detail}`.trim();
    default: return `${signIn.other(error.status)} ${detail}`.trim();
  }
}
