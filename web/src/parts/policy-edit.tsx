// Editing the policy: the text, its mistakes as one types, and saving it as a new version.
//
// Invariant: only a document that the gate has found right can be saved, and it finds that out again when saving. A
// save over somebody else's newer version is never made unasked.
//
// Deliberately not here: forms for single keys. The document is the policy.

import { useEffect, useMemo, useState } from "preact/hooks";
import * as api from "../api";
import type { Mistake, Policy } from "../contract";
import { failure, useDesk } from "../desk";
import { roughSpan } from "../format";
import { useWords } from "../i18n";
import { parsed, written, type Draft } from "../policy/draft";
import { lineAndColumn, locate, scan } from "../policy/scan";
import { Button } from "./basics";
import { Difference } from "./difference";
import { Editor, jump } from "./editor";
import { Icon } from "./icons";

const CHECK_AFTER_MS = 400;
const EDITOR = "policy-text";
const NOTE_MAX = 200;

interface Props { present: Policy; draft: Draft; onDraft: (draft: Draft) => void; onInForce: (policy: Policy) => void; onPresent: (policy: Policy) => void }
interface Found { message: string; path: string | null; offset: number }
type Check = { state: "checking" | "unchecked" } | { state: "checked"; mistakes: Mistake[] };

export function PolicyEdit({ present, draft, onDraft, onInForce, onPresent }: Props) {
  const words = useWords();
  const { t } = words;
  const { say } = useDesk();
  const [check, setCheck] = useState<Check>({ state: "checking" });
  const [conflict, setConflict] = useState<Policy | null>(null);
  const { text, note, base } = draft;
  const scanned = useMemo(() => scan(text), [text]);
  const document = useMemo(() => parsed(text), [text]);
  const isSame = text === written(present.document);

  useEffect(() => {
    if (document === null) return;
    setCheck({ state: "checking" });
    const control = new AbortController();
    const timer = setTimeout(() => {
      api.checkPolicy(document, control.signal).then(
        (mistakes) => setCheck({ state: "checked", mistakes }),
        () => { if (!control.signal.aborted) setCheck({ state: "unchecked" }); },
      );
    }, CHECK_AFTER_MS);
    return () => { clearTimeout(timer); control.abort(); };
  }, [text]);

  const found: Found[] = useMemo(() => {
    if (scanned.mistake) {
      const [line, column] = lineAndColumn(text, scanned.mistake.offset);
      return [{ message: t.policy.json(line, column, scanned.mistake.found), path: null, offset: scanned.mistake.offset }];
    }
    if (document === null) return [{ message: t.policy.notObject, path: null, offset: 0 }];
    if (check.state !== "checked") return [];
    return check.mistakes.map(({ path, message }) => ({ message, path, offset: locate(scanned.places, path) }));
  }, [text, check, t]);
  const marked = useMemo(() => new Set(found.map(({ offset }) => lineAndColumn(text, offset)[0])), [found]);

  const save = async () => {
    if (document === null) return;
    try {
      const policy = await api.putPolicy(document, base.version, note.trim());
      setConflict(null);
      onInForce(policy);
      say(t.policy.saved(policy.version, roughSpan(policy.in_force_within_ms)), "good");
    } catch (error) {
      if (error instanceof api.Failed && error.status === 409) {
        const theirs = await api.policy().catch(() => null);
        if (theirs) { setConflict(theirs); onPresent(theirs); return; }
      }
      if (error instanceof api.Failed && error.mistakes.length > 0) setCheck({ state: "checked", mistakes: error.mistakes });
      say(`${t.act.failed(t.policy.save)} ${failure(words, error)}`, "bad");
    }
  };
  const isRight = document !== null && check.state !== "checking" && found.length === 0;

  return (
    <section class="stack" aria-label={t.policy.tabs.edit}>
      {conflict && (
        <div class="notice warn tall" role="alert">
          <p><strong>{t.policy.conflict(conflict.version)}</strong></p>
          <p>{t.policy.theirs}:</p>
          <Difference before={written(base.document)} after={written(conflict.document)} caption={t.policy.diffCaption(t.policy.version(base.version), t.policy.version(conflict.version))} />
          <div class="acts">
            <Button onPress={() => { setConflict(null); onInForce(conflict); }}>{t.policy.takeTheirs}</Button>
            <Button onPress={() => { setConflict(null); onDraft({ ...draft, base: conflict }); }}>{t.policy.keepMine(conflict.version)}</Button>
          </div>
        </div>
      )}
      <Editor id={EDITOR} label={t.policy.document} value={text} onInput={(next) => onDraft({ ...draft, text: next })} marked={marked}
        isWrong={found.length > 0} describedBy="policy-state" rows={22} />
      <div class="editor-foot">
        <p id="policy-state" role="status" data-testid="policy-state" class={found.length > 0 ? "is-wrong" : ""}>
          {found.length > 0
            ? <><Icon name="warn" />{t.policy.wrong(found.length)}</>
            : check.state === "checking" ? t.policy.checking
            : check.state === "unchecked" ? t.policy.unchecked
            : <><Icon name="good" />{t.policy.right}</>}
          <span class="hint"> · {isSame ? t.policy.unchanged : t.policy.changed}</span>
        </p>
        <div class="acts">
          <Button kind="quiet" disabled={document === null} onPress={() => { if (document) onDraft({ ...draft, text: written(document) }); }}>{t.policy.format}</Button>
          <Button kind="quiet" disabled={isSame} onPress={() => onDraft({ base: present, text: written(present.document), note })}>{t.policy.revert}</Button>
        </div>
      </div>
      {found.length > 0 && (
        <ul class="mistakes" aria-label={t.policy.mistakes}>
          {found.map((mistake, index) => (
            <li key={index}>
              <button type="button" onClick={() => jump(EDITOR, mistake.offset)} aria-label={`${t.policy.goTo(mistake.path || t.policy.whole)} ${mistake.message}`}>
                {mistake.path !== null && <><code>{mistake.path === "" ? t.policy.whole : mistake.path}</code>{" "}</>}
                <span lang={mistake.path === null ? undefined : "en"}>{mistake.message}</span>
              </button>
            </li>
          ))}
        </ul>
      )}
      <div class="save">
        <label>{t.policy.note}
          <input type="text" maxLength={NOTE_MAX} value={note} onInput={(event) => onDraft({ ...draft, note: event.currentTarget.value })} />
        </label>
        <Button kind="main" disabled={!isRight || isSame} onPress={save}>{t.policy.save}</Button>
      </div>
    </section>
  );
}
