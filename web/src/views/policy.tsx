// The policy: what is in force, and three ways to look at it: edit, test, history.
//
// Invariant: what is edited is kept while one looks at the other two.
//
// Deliberately not here: what the keys mean (docs/policy.md). The gate says of every mistake how to mend it.

import { useEffect, useState } from "preact/hooks";
import * as api from "../api";
import type { Policy } from "../contract";
import { failure, useDesk, useLoaded } from "../desk";
import { useWords } from "../i18n";
import { Choice, Loading, Tag, Trouble } from "../parts/basics";
import { PolicyEdit } from "../parts/policy-edit";
import { PolicyHistory } from "../parts/policy-history";
import { PolicyTest } from "../parts/policy-test";
import { keepDraft, keptDraft, written, type Draft } from "../policy/draft";
import { href, replaceWith } from "../route";

const TABS = ["edit", "test", "history"] as const;

export function PolicyView({ query }: { query: URLSearchParams }) {
  const words = useWords();
  const { t } = words;
  const { line } = useDesk();
  const tab = TABS.find((each) => each === query.get("tab")) ?? "edit";
  const { data, error, isLoading, reload, set } = useLoaded((signal) => api.policy(signal), []);
  const [draft, setDraft] = useState<Draft | null>(keptDraft());
  const change = (next: Draft) => {
    keepDraft(next);
    setDraft(next);
  };
  useEffect(() => {
    // A text that nobody has touched follows what is in force.
    if (data && (draft === null || draft.text === written(draft.base.document))) change({ base: data, text: written(data.document), note: draft?.note ?? "" });
  }, [data]);
  const inForce = (policy: Policy) => {
    set(policy);
    change({ base: policy, text: written(policy.document), note: "" });
  };
  return (
    <>
      <div class="head">
        <h1 tabIndex={-1}>{t.policy.title}</h1>
        {data && <p class="tags"><Tag tone="plain">{data.version === 0 ? t.policy.unversioned : t.policy.version(data.version)}</Tag> <span class="hint">{t.policy.sources[data.source] ?? data.source}</span></p>}
        <Choice label={t.policy.title} value={tab} options={TABS.map((value) => ({ value, label: t.policy.tabs[value] }))}
          onChoose={(next) => replaceWith(href(line, "policy", { tab: next === "edit" ? "" : next }))} />
      </div>
      {error !== null && <Trouble text={failure(words, error)} onRetry={reload} />}
      {(data === null || draft === null)
        ? isLoading && <Loading />
        : tab === "edit" ? <PolicyEdit present={data} draft={draft} onDraft={change} onInForce={inForce} onPresent={set} />
        : tab === "test" ? <PolicyTest draft={draft} />
        : <PolicyHistory present={data} onInForce={inForce} />}
    </>
  );
}
