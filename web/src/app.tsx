// The page as a whole: signed in or not, which line, which view; header, navigation, messages.
//
// Invariant: a 401 anywhere shows the sign-in with the address kept, and so the same place afterwards. The focus goes
// to the heading when the view changes, and stays when only its query does.
//
// Deliberately not here: what the views show.

import { Component, type ComponentChildren } from "preact";
import { lazy, Suspense } from "./lazy";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import * as api from "./api";
import type { Line, Session } from "./contract";
import { DeskContext, failure, type Desk } from "./desk";
import { load, useWords, WordsContext, type Language, type Words } from "./i18n";
import { Live, type LiveState } from "./live";
import { reloadOnce } from "./reload";
import { remember, remembered } from "./remember";
import { usePlace, type Place } from "./route";
import { Empty, Loading, Trouble } from "./parts/basics";
import { Header, Navigation } from "./parts/frame";
import { OpenAlerts } from "./parts/open-alerts";
import { Toasts, useSpeaker } from "./parts/toasts";
import { SignIn } from "./views/sign-in";
import { Now } from "./views/now";
import { Talk } from "./views/conversation";
import { Why } from "./views/why";

const Health = lazy(() => import("./views/health").then((view) => view.Health));
const Collisions = lazy(() => import("./views/collisions").then((view) => view.CollisionsView));
const PolicyView = lazy(() => import("./views/policy").then((view) => view.PolicyView));

export function App({ words: first }: { words: Words }) {
  const [words, setWords] = useState(first);
  const chooseLanguage = (language: Language) => { void load(language).then(setWords); };
  return <WordsContext.Provider value={words}><Door onLanguage={chooseLanguage} /></WordsContext.Provider>;
}

type Signed = { state: "asking" } | { state: "out"; hasEnded: boolean; error: unknown } | { state: "in"; session: Session };

/** Shows the sign-in or the desk. */
function Door({ onLanguage }: { onLanguage: (language: Language) => void }) {
  const [signed, setSigned] = useState<Signed>({ state: "asking" });
  useEffect(() => {
    api.whenSignedOut(() => setSigned((before) => {
      if (before.state !== "in") return before;
      // Cloudflare Access signs in by itself when the page is loaded.
      if (before.session.by === "access" && reloadOnce()) return { state: "asking" };
      return { state: "out", hasEnded: true, error: null };
    }));
    api.session().then(
      (session) => setSigned({ state: "in", session }),
      (error: unknown) => setSigned({ state: "out", hasEnded: false, error: error instanceof api.Failed && error.status === 401 ? null : error }),
    );
  }, []);
  if (signed.state === "asking") return <main><Loading /></main>;
  if (signed.state === "out") {
    return <SignIn hasEnded={signed.hasEnded} error={signed.error} onLanguage={onLanguage} onSignedIn={(session) => setSigned({ state: "in", session })} />;
  }
  const signOut = async () => {
    await api.signOut().catch(() => {});
    setSigned({ state: "out", hasEnded: false, error: null });
  };
  return <Lines session={signed.session} onSignOut={signOut} onLanguage={onLanguage} />;
}

interface Shared { session: Session; onSignOut: () => Promise<void>; onLanguage: (language: Language) => void }

/** Finds the line that the address names, or the one last looked at. */
function Lines(shared: Shared) {
  const words = useWords();
  const [lines, setLines] = useState<Line[] | null>(null);
  const [error, setError] = useState<unknown>(null);
  const place = usePlace();
  const ask = () => { setError(null); api.lines().then(setLines, setError); };
  useEffect(ask, []);
  if (error !== null) return <main><Trouble text={failure(words, error)} onRetry={ask} /></main>;
  if (lines === null) return <main><Loading /></main>;
  const known = (id: string | null) => lines.find((line) => line.id === id);
  const line = known(place.line) ?? known(remembered("line")) ?? lines[0];
  if (!line) {
    return (
      <main class="alone">
        <h1>Baton</h1>
        <Empty title={words.t.signIn.noLines} hint={words.t.signIn.noLinesHint}>
          <button type="button" class="button plain" onClick={ask}><span>{words.t.app.reload}</span></button>
        </Empty>
      </main>
    );
  }
  return <Shell key={line.id} {...shared} line={line} lines={lines} place={place} />;
}

function Shell({ session, onSignOut, onLanguage, line, lines, place }: Shared & { line: Line; lines: Line[]; place: Place }) {
  const words = useWords();
  const { t } = words;
  const speaker = useSpeaker();
  const [live, setLive] = useState<LiveState>("connecting");
  const stream = useRef<Live | null>(null);
  const listeners = useRef(new Set<Parameters<Desk["listen"]>[0]>());
  const latest = useRef({ t, speaker });
  latest.current = { t, speaker };

  useEffect(() => {
    remember("line", line.id);
    // A refused socket does not say why; the session does. Its 401 leads to the sign-in.
    const refused = () => { void api.lines().catch(() => {}); };
    const opened = new Live(line, setLive, refused);
    stream.current = opened;
    opened.listen((message) => listeners.current.forEach((listener) => listener(message)));
    opened.listen((message) => { if (message.type === "resync") latest.current.speaker.announce(latest.current.t.app.liveAgain); });
    return () => opened.close();
  }, [line.id, line.shards]);

  const desk = useMemo<Desk>(() => ({
    line: line.id,
    say: speaker.say,
    announce: speaker.announce,
    listen: (listener) => {
      listeners.current.add(listener);
      return () => { listeners.current.delete(listener); };
    },
  }), [line.id, speaker.say]);

  useFocus(place, t.views[place.view]);
  return (
    <DeskContext.Provider value={desk}>
      <a class="skip" href="#main" onClick={(event) => { event.preventDefault(); document.getElementById("main")?.focus(); }}>{t.app.skip}</a>
      <Header line={line} lines={lines} live={live} place={place} onLanguage={onLanguage}
        {...(session.by === "access" ? {} : { onSignOut })} />
      <Navigation line={line.id} view={place.view} />
      <main id="main" tabIndex={-1}>
        {live === "broken" && <p class="notice warn">{t.app.notLiveWhy}</p>}
        <OpenAlerts />
        <Guard key={place.view} text={t.failed.broken}>
          <Suspense fallback={<Loading />}><ViewOf place={place} line={line.id} /></Suspense>
        </Guard>
      </main>
      <Toasts speaker={speaker} />
    </DeskContext.Provider>
  );
}

function ViewOf({ place, line }: { place: Place; line: string }) {
  switch (place.view) {
    case "now": return <Now query={place.query} />;
    case "conversation": return <Talk key={`${line} ${place.customer}`} customer={place.customer} />;
    case "why": return <Why query={place.query} />;
    case "health": return <Health query={place.query} />;
    case "collisions": return <Collisions query={place.query} />;
    case "policy": return <PolicyView query={place.query} />;
  }
}

/** Moves the focus to the heading of a new view, and names the window after it. */
function useFocus(place: Place, title: string) {
  const before = useRef<string | null>(null);
  useEffect(() => { document.title = `${title} · Baton`; }, [title]);
  useEffect(() => {
    const key = `${place.view} ${place.customer}`;
    if (before.current !== null && before.current !== key) {
      scrollTo(0, 0);
      // The heading of a view that is still being loaded comes later; until then the main region has the focus.
      const heading = document.querySelector<HTMLElement>("main h1");
      (heading ?? document.getElementById("main"))?.focus({ preventScroll: true });
    }
    before.current = key;
  }, [place.view, place.customer]);
}

/** A defect in one view leaves the others usable. */
class Guard extends Component<{ children: ComponentChildren; text: string }, { hasFailed: boolean }> {
  override state = { hasFailed: false };
  override componentDidCatch(error: unknown) {
    console.error(error);
    this.setState({ hasFailed: true });
  }
  override render() {
    if (!this.state.hasFailed) return this.props.children;
    return <Trouble text={this.props.text} onRetry={() => this.setState({ hasFailed: false })} />;
  }
}

