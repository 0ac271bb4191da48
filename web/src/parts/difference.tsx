// Two documents compared, as a list of lines.
//
// Invariant: added and removed lines have a sign and a word for it, not a colour alone.
//
// Deliberately not here: the comparison (policy/diff.ts).

import { useMemo } from "preact/hooks";
import { useWords } from "../i18n";
import { diff, hunks } from "../policy/diff";

const SIGN = { kept: " ", added: "+", removed: "−" } as const;

export function Difference({ before, after, caption }: { before: string; after: string; caption: string }) {
  const { t } = useWords();
  const lines = useMemo(() => hunks(diff(before, after)), [before, after]);
  if (lines.length === 0) return <p class="hint">{t.policy.same}</p>;
  return (
    <figure class="difference">
      <figcaption class="hint">{caption}</figcaption>
      <div class="scroll" tabIndex={0} role="region" aria-label={caption}>
        <ol>
          {lines.map((line, at) => line === null
            ? <li key={at} class="cut">⋯</li>
            : (
              <li key={at} class={line.kind}>
                <span class="sign" aria-hidden="true">{SIGN[line.kind]}</span>
                {line.kind !== "kept" && <span class="unseen">{t.policy[line.kind]}: </span>}
                <code>{line.text === "" ? " " : line.text}</code>
              </li>
            ))}
        </ol>
      </div>
    </figure>
  );
}
