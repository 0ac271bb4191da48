// The policy that is being edited. It outlives the view, so that a look at another page or a new sign-in loses nothing.
//
// Invariant: `base` is the policy that was edited; a save names its version, and the gate refuses where another came.
//
// Deliberately not here: keeping it over a reload. What is not saved is not in force, and says so.

import type { Policy, PolicyDocument } from "../contract";

export interface Draft { base: Policy; text: string; note: string }

let kept: Draft | null = null;
export const keptDraft = () => kept;
export const keepDraft = (draft: Draft | null) => { kept = draft; };

export const written = (document: PolicyDocument) => JSON.stringify(document, null, 2);

/** The document, where the text is one. */
export function parsed(text: string): PolicyDocument | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as PolicyDocument) : null;
  } catch {
    return null;
  }
}
