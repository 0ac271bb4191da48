// The versions of the policy: when, what for, what is different now, and the way back.
//
// Invariant: going back makes a new version; none is ever removed by it.
//
// Deliberately not here: who made a version. The gate knows one operator.

import * as api from "../api";
import type { Policy, PolicyVersion } from "../contract";
import { failure, useDesk, useLoaded } from "../desk";
import { useWords } from "../i18n";
import { written } from "../policy/draft";
import { Button, Empty, Loading, Tag, Trouble } from "./basics";
import { Difference } from "./difference";
import { Moment } from "./time";

export function PolicyHistory({ present, onInForce }: { present: Policy; onInForce: (policy: Policy) => void }) {
  const words = useWords();
  const { t } = words;
  const { say } = useDesk();
  const { data, error, isLoading, reload } = useLoaded((signal) => api.policyVersions(signal), [present.version]);
  const back = async (version: PolicyVersion) => {
    try {
      const policy = await api.rollback(version.version);
      onInForce(policy);
      say(t.policy.rolledBack(version.version, policy.version), "good");
    } catch (reason) {
      say(`${t.act.failed(t.policy.rollback)} ${failure(words, reason)}`, "bad");
    }
  };
  if (error !== null) return <Trouble text={failure(words, error)} onRetry={reload} />;
  if (data === null) return isLoading ? <Loading /> : null;
  if (data.length === 0) return <Empty title={t.policy.noHistory} hint={t.policy.noHistoryHint} />;
  return (
    <section class="stack" aria-labelledby="history">
      <h2 id="history">{t.policy.history}</h2>
      <ul class="items card" aria-label={t.policy.history}>
        {data.map((version) => {
          const isPresent = present.source === "desk" && version.version === present.version;
          return (
            <li key={version.version} class="version">
              <div>
                <p><strong>{t.policy.version(version.version)}</strong> · <Moment at={version.at_ms} /> {isPresent && <Tag tone="good">{t.policy.present}</Tag>}</p>
                <p class={version.note ? "" : "hint"}>{version.note || t.policy.noNoteYet}</p>
                {!isPresent && (
                  <details class="more">
                    <summary>{t.policy.compare}</summary>
                    <Difference before={written(version.document)} after={written(present.document)}
                      caption={t.policy.diffCaption(t.policy.version(version.version), t.policy.inForce)} />
                  </details>
                )}
              </div>
              {!isPresent && <Button label={`${t.policy.rollback}: ${t.policy.version(version.version)}`} onPress={() => back(version)}>{t.policy.rollback}</Button>}
            </li>
          );
        })}
      </ul>
    </section>
  );
}
