// The page's few signs, as lines of SVG.
//
// Invariant: a sign stands beside a word and says nothing by itself, so it is hidden from screen readers.
//
// Deliberately not here: an icon font or a set from elsewhere.

const PATHS = {
  now: "M4 5h16v11H9l-5 4z",
  why: "M9 9a3 3 0 1 1 4.2 2.8c-.8.4-1.2 1-1.2 2.2M12 17.5v.01M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z",
  health: "M3 12h4l3-7 4 14 3-7h4",
  collisions: "M4 12h5M15 12h5M12 4v3M12 17v3M9.5 9.5l5 5M14.5 9.5l-5 5",
  policy: "M6 3h9l4 4v14H6zM14 3v5h5M9 13h7M9 17h7",
  person: "M12 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM4.5 21c0-4 3.4-6.5 7.5-6.5s7.5 2.5 7.5 6.5",
  bot: "M5 9h14v10H5zM12 5v4M12 4v.01M9 13v1.5M15 13v1.5M2.5 12v4M21.5 12v4",
  gate: "M4 20V8M20 20V8M4 12h16M4 16h16M3 8l9-4 9 4",
  phone: "M7 3h10v18H7zM11 18h2",
  clock: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 7v5l3 2",
  pause: "M9 5v14M15 5v14",
  warn: "M12 4 2.5 20h19zM12 10v4.5M12 17.5v.01",
  good: "M5 12.5 10 17.5 19.5 7",
  search: "M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM16.5 16.5 21 21",
  settings: "M4 7h9M17 7h3M15 5v4M4 17h3M11 17h9M9 15v4",
  back: "M14 5l-7 7 7 7",
  dead: "M4 7h16v11H4zM4 7l8 6 8-6",
} as const;

export type IconName = keyof typeof PATHS;

export const Icon = ({ name }: { name: IconName }) => (
  <svg class="icon" viewBox="0 0 24 24" width="20" height="20" fill="none" stroke="currentColor" stroke-width="1.8"
    stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" focusable="false">
    <path d={PATHS[name]} />
  </svg>
);
