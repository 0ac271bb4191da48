// Small pieces that many views share: buttons that work, empty states, tags, tabs, dialogs.
//
// Invariant: every control has a name, is at least 44 px high on a phone and shows its focus.
//
// Deliberately not here: anything that knows the API.

import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { Icon, type IconName } from "./icons";
import { useWords } from "../i18n";

interface ButtonProps {
  children: ComponentChildren;
  onPress: () => void | Promise<void>;
  label?: string;
  kind?: "main" | "soft" | "plain" | "danger" | "quiet";
  icon?: IconName;
  disabled?: boolean;
}

/** A button that is busy while its work goes on and cannot be pressed twice. */
export function Button({ children, onPress, label, kind = "plain", icon, disabled = false }: ButtonProps) {
  const [isBusy, setBusy] = useState(false);
  const isGone = useRef(false);
  useEffect(() => () => { isGone.current = true; }, []);
  const press = () => {
    if (isBusy || disabled) return;
    const work = onPress();
    if (!work) return;
    setBusy(true);
    work.finally(() => { if (!isGone.current) setBusy(false); });
  };
  return (
    <button type="button" class={`button ${kind}`} onClick={press} aria-label={label} disabled={disabled}
      aria-disabled={isBusy} aria-busy={isBusy}>
      {icon && <Icon name={icon} />}
      <span>{children}</span>
      {isBusy && <span class="spinner" aria-hidden="true" />}
    </button>
  );
}

export function Empty({ title, hint, children }: { title: string; hint: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <p class="empty-title">{title}</p>
      <p>{hint}</p>
      {children}
    </div>
  );
}

export function Trouble({ text, onRetry }: { text: string; onRetry: () => void }) {
  const { t } = useWords();
  return (
    <div class="notice bad" role="alert">
      <Icon name="warn" />
      <p>{t.failed.load} {text}</p>
      <Button onPress={onRetry}>{t.app.retry}</Button>
    </div>
  );
}

export const Loading = () => <p class="loading" role="status">{useWords().t.app.loading}</p>;

type TagTone = "human" | "bot" | "bad" | "warn" | "good" | "plain";
export const Tag = ({ tone, icon, children }: { tone: TagTone; icon?: IconName; children: ComponentChildren }) => (
  <span class={`tag ${tone}`}>{icon && <Icon name={icon} />}<span>{children}</span></span>
);

interface Option<T extends string> { value: T; label: string; count?: number | undefined }

/** One choice of a few, as buttons that say whether they are pressed. */
export function Choice<T extends string>({ label, value, options, onChoose }: {
  label: string; value: T; options: Option<T>[]; onChoose: (value: T) => void;
}) {
  return (
    <div class="choice" role="group" aria-label={label}>
      {options.map((option) => (
        <button type="button" key={option.value} aria-pressed={option.value === value} onClick={() => onChoose(option.value)}>
          {option.label}
          {option.count !== undefined && <> <span class="count">{option.count}</span></>}
        </button>
      ))}
    </div>
  );
}

/** The browser's own modal dialog: it keeps the focus, and Escape closes it. */
export function Dialog({ title, end, onClose, children }: { title: string; end?: string; onClose: () => void; children: ComponentChildren }) {
  const { t } = useWords();
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const before = document.activeElement;
    dialog.current?.showModal();
    return () => { if (before instanceof HTMLElement) before.focus(); };
  }, []);
  return (
    <dialog ref={dialog} aria-labelledby={id} onClose={onClose}
      onClick={(event) => { if (event.target === dialog.current) dialog.current?.close(); }}>
      <div class="dialog-body">
        <h2 id={id}>{title}</h2>
        {children}
        <div class="dialog-end"><Button onPress={() => dialog.current?.close()} kind="quiet">{end ?? t.app.cancel}</Button></div>
      </div>
    </dialog>
  );
}

/** Field names and values. */
export const Facts = ({ rows }: { rows: [string, ComponentChildren][] }) => (
  <dl class="facts">
    {rows.map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}
  </dl>
);
