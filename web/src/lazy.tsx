// Views that are loaded when they are first opened: the charts and the editor are not needed on the first page.
//
// Invariant: a view that could not be loaded (a new version was deployed meanwhile) reloads the page once.
//
// Deliberately not here: preact/compat, which would bring more than this.

import { createContext, type ComponentChildren, type FunctionComponent } from "preact";
import { useContext, useEffect, useState } from "preact/hooks";
import { reloadOnce } from "./reload";

const Fallback = createContext<ComponentChildren>(null);

export const Suspense = ({ fallback, children }: { fallback: ComponentChildren; children: ComponentChildren }) => (
  <Fallback.Provider value={fallback}>{children}</Fallback.Provider>
);

export function lazy<P extends object>(get: () => Promise<FunctionComponent<P>>): FunctionComponent<P> {
  let loaded: FunctionComponent<P> | null = null;
  return function Lazy(props: P) {
    const [View, setView] = useState<FunctionComponent<P> | null>(() => loaded);
    const fallback = useContext(Fallback);
    useEffect(() => {
      if (View !== null) return;
      get().then((view) => { loaded = view; setView(() => view); }, () => reloadOnce());
    }, []);
    useEffect(() => {
      const main = document.getElementById("main");
      // Whoever came here before the view did stands on the main region, and goes on to the heading.
      if (View !== null && main !== null && document.activeElement === main) main.querySelector<HTMLElement>("h1")?.focus({ preventScroll: true });
    }, [View]);
    return View === null ? <>{fallback}</> : <View {...props} />;
  };
}
