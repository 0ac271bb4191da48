// Where in the page one is: `#/LINE/VIEW/REST?query`. The line may be left out.
//
// Invariant: what is in the address is all that a reload needs to show the same thing again.
//
// Deliberately not here: which view is drawn for a place (app.tsx).

import { useEffect, useState } from "preact/hooks";

export const VIEWS = ["now", "why", "health", "collisions", "policy"] as const;
export type View = (typeof VIEWS)[number];
export interface Place { line: string | null; view: View | "conversation"; customer: string; query: URLSearchParams }

export function parse(hash: string): Place {
  const [path = "", search = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  const parts = path.split("/").filter((part) => part !== "").map(decoded);
  const line = parts[0] !== undefined && /^[0-9]+$/.test(parts[0]) ? parts.shift()! : null;
  const query = new URLSearchParams(search);
  const [name = "now", customer = ""] = parts;
  if (name === "conversation" && customer !== "") return { line, view: "conversation", customer, query };
  const view = VIEWS.find((each) => each === name) ?? "now";
  return { line, view, customer: "", query };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export function href(line: string, view: View, query: Record<string, string> = {}): string {
  const search = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== "")).toString();
  return `#/${line}/${view}${search === "" ? "" : `?${search}`}`;
}

export const conversationHref = (line: string, customer: string) => `#/${line}/conversation/${encodeURIComponent(customer)}`;

/** Changes the address without a new entry in the browser's history: for filters and searches. */
export function replaceWith(address: string) {
  history.replaceState(null, "", address);
  dispatchEvent(new HashChangeEvent("hashchange"));
}

export function usePlace(): Place {
  const [place, setPlace] = useState(() => parse(location.hash));
  useEffect(() => {
    const moved = () => setPlace(parse(location.hash));
    addEventListener("hashchange", moved);
    return () => removeEventListener("hashchange", moved);
  }, []);
  return place;
}
