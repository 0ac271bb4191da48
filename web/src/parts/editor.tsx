// A text area for code: line numbers, Tab that indents, and a way out by the keyboard.
//
// Invariant: it is the browser's own text area, so that undo, search, selection and screen readers work as everywhere.
// Tab indents unless Escape was pressed just before.
//
// Deliberately not here: colours for syntax. The mistakes are listed with their places instead.

import { useLayoutEffect, useRef } from "preact/hooks";
import { useWords } from "../i18n";

const INDENT = "  ";

interface Props {
  id: string;
  label: string;
  value: string;
  onInput: (text: string) => void;
  /** Lines with a mistake, from 1. */
  marked?: Set<number>;
  rows?: number;
  isWrong?: boolean;
  describedBy?: string;
}

export function Editor({ id, label, value, onInput, marked = new Set(), rows = 20, isWrong = false, describedBy = "" }: Props) {
  const { t } = useWords();
  const area = useRef<HTMLTextAreaElement>(null);
  const gutter = useRef<HTMLDivElement>(null);
  const mayLeave = useRef(false);
  const lines = value.split("\n").length;
  useLayoutEffect(() => { if (gutter.current && area.current) gutter.current.scrollTop = area.current.scrollTop; });

  const keyDown = (event: KeyboardEvent) => {
    if (event.key === "Escape") { mayLeave.current = true; return; }
    if (event.key !== "Tab") { if (event.key !== "Shift") mayLeave.current = false; return; }
    if (mayLeave.current || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    const element = area.current;
    if (!element) return;
    if (event.shiftKey) outdent(element);
    else insert(element, INDENT);
  };

  return (
    <div class="editor-box">
      <label for={id}>{label}</label>
      <div class={`editor ${isWrong ? "wrong" : ""}`}>
        <div class="gutter" ref={gutter} aria-hidden="true">
          {Array.from({ length: lines }, (_, index) => <span key={index} class={marked.has(index + 1) ? "marked" : ""}>{index + 1}</span>)}
        </div>
        <textarea id={id} ref={area} value={value} rows={rows} wrap="off" spellcheck={false} autocomplete="off" autocapitalize="off"
          aria-describedby={`${id}-hint ${describedBy}`} aria-invalid={isWrong} onKeyDown={keyDown}
          onBlur={() => { mayLeave.current = false; }} onInput={(event) => onInput(event.currentTarget.value)}
          onScroll={(event) => { if (gutter.current) gutter.current.scrollTop = event.currentTarget.scrollTop; }} />
      </div>
      <p class="hint" id={`${id}-hint`}>{t.policy.editHint}</p>
    </div>
  );
}

/** Writes as if typed: undo takes it back. */
function insert(element: HTMLTextAreaElement, text: string) {
  if (document.execCommand("insertText", false, text)) return;
  element.setRangeText(text, element.selectionStart, element.selectionEnd, "end");
  element.dispatchEvent(new InputEvent("input", { bubbles: true }));
}

function outdent(element: HTMLTextAreaElement) {
  const { selectionStart, value } = element;
  const start = value.lastIndexOf("\n", selectionStart - 1) + 1;
  const spaces = /^ {1,2}/.exec(value.slice(start))?.[0].length ?? 0;
  if (spaces === 0) return;
  element.setRangeText("", start, start + spaces, "preserve");
  element.dispatchEvent(new InputEvent("input", { bubbles: true }));
}

/** Puts the cursor at an offset and brings its line into view. */
export function jump(id: string, offset: number) {
  const element = document.getElementById(id);
  if (!(element instanceof HTMLTextAreaElement)) return;
  const line = element.value.slice(0, offset).split("\n").length - 1;
  const end = element.value.indexOf("\n", offset);
  element.focus();
  element.setSelectionRange(offset, end === -1 ? element.value.length : end);
  element.scrollTop = Math.max(0, (line - 3) * parseFloat(getComputedStyle(element).lineHeight));
  element.scrollLeft = 0;
}
