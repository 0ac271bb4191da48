// A component that is drawn again only when one of its properties is another.
//
// Invariant: comparison is by identity, so what is given to such a component must not be made anew at each drawing.
//
// Deliberately not here: preact/compat, of which this is all that is needed.

import { Component, createElement, type FunctionComponent } from "preact";

export function memo<P extends object>(of: FunctionComponent<P>): FunctionComponent<P> {
  class Memo extends Component<P> {
    override shouldComponentUpdate(next: Readonly<P>): boolean {
      const before = this.props as Record<string, unknown>;
      const after = next as Record<string, unknown>;
      return Object.keys(after).some((key) => !Object.is(before[key], after[key]));
    }
    override render() {
      return createElement(of, this.props);
    }
  }
  return Memo as unknown as FunctionComponent<P>;
}
