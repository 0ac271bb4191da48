// What is wrong with the gate as a whole, above every view: it is deaf, or the bot is down.
//
// Invariant: it is loaded once for a line and then follows the live stream; after a gap it is loaded again.
//
// Deliberately not here: alerts about one customer, which stand in the list (Now) and in Health.

import { useEffect } from "preact/hooks";
import * as api from "../api";
import type { AlertKind } from "../contract";
import { useDesk, useLoaded } from "../desk";
import { useWords } from "../i18n";
import { href } from "../route";
import { Icon } from "./icons";
import { Ago } from "./time";

const OF_THE_WHOLE: AlertKind[] = ["gate_deaf", "bot_down"];

export function OpenAlerts() {
  const { t } = useWords();
  const { line, listen, say } = useDesk();
  const { data, set, reload } = useLoaded((signal) => api.alerts(line, signal), [line]);
  useEffect(() => listen((message) => {
    if (message.type === "resync") reload();
    if (message.type !== "alert") return;
    set([message.alert, ...(data ?? []).filter((alert) => alert.id !== message.alert.id)]);
    if (message.alert.closed_at_ms === null) say(t.health.kinds[message.alert.kind] ?? message.alert.explanation);
  }), [listen, data, t]);
  const open = (data ?? []).filter((alert) => alert.closed_at_ms === null && OF_THE_WHOLE.includes(alert.kind));
  return (
    <>
      {open.map((alert) => (
        <p class="notice bad" key={alert.id}>
          <Icon name="warn" />
          <span><strong>{t.health.kinds[alert.kind]}</strong> · <Ago at={alert.opened_at_ms} /></span>
          <a href={href(line, "health")}>{t.views.health}</a>
        </p>
      ))}
    </>
  );
}
