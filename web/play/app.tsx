// The whole page: the gate above, and the three panes around it. On a narrow screen one pane is shown at a time.
import { useEffect, useState } from "preact/hooks";
import { BotPane } from "./bot";
import { ChatPane } from "./chat";
import { GatePanel } from "./gate";
import { act, follow, type View } from "./view";

const PANES = ["customer", "person", "bot"] as const;
type Pane = (typeof PANES)[number];

export function App() {
  const [view, setView] = useState<View>();
  const [gone, setGone] = useState<string>();
  const [refused, setRefused] = useState<string>();
  const [shown, setShown] = useState<Pane>("customer");
  useEffect(() => follow(setView, setGone), []);

  const doIt: typeof act = async (...what) => {
    const trouble = await act(...what);
    setRefused(trouble);
    return trouble;
  };
  if (!view) return <p class="loading" role="status">{gone ?? "Loading …"}</p>;

  const { gate, bot, person, customer, tour } = view;
  const isUp = gate.status === "up";
  const names = { customer: "Customer", person: "Business App", bot: "Bot" };
  const trouble = gone ?? refused ?? view.trouble;
  return (
    <>
      <header>
        <h1>Baton <span>playground</span></h1>
        <div class="actions">
          <button type="button" class="primary" disabled={!isUp || tour.state === "running"} onClick={() => doIt("tour", {})}>
            <span aria-hidden="true">▶ </span>{tour.state === "done" ? "Show me again" : "Show me"}
          </button>
          {gate.canSwitch && (
            <button type="button" role="switch" class="switch" aria-checked={gate.on} onClick={() => doIt("gate", { on: !gate.on })}>
              <span class="track" aria-hidden="true"><span class="knob" /></span>
              <span class="name">Baton</span> <span class="side" aria-hidden="true">{gate.on ? "on" : "off"}</span>
            </button>
          )}
          <button type="button" class="quiet" onClick={() => doIt("reset", {})}>New customer</button>
        </div>
      </header>
      <main>
        {trouble && <p class="trouble" role="alert">{trouble}</p>}
        <GatePanel view={view} />
        <nav class="tabs" aria-label="Panes">
          {PANES.map((pane) => (
            <button type="button" key={pane} aria-pressed={shown === pane} onClick={() => setShown(pane)}>{names[pane]}</button>
          ))}
        </nav>
        <div class="panes" data-shown={shown}>
          <ChatPane
            pane="customer" title={`${customer}’s phone`} note="the customer" me="customer" view={view} disabled={!isUp}
            lines={["Hello! Do you have the blue dress in size M?", "Could you keep it until Thursday?", "When do you open on Saturday?"]}
            onSend={(text) => doIt("customer", { text })}
          />
          <ChatPane
            pane="person" title="Business App" note={`${person}, in the shop`} me="person" view={view} disabled={!isUp}
            lines={[`Hello ${customer}, this is ${person}. I have put one aside for you.`, "Of course, until Thursday.", "See you on Saturday!"]}
            onSend={(text) => doIt("person", { text })}
          />
          <BotPane bot={bot} isOn={gate.on} onSet={(settings) => doIt("bot", settings)} />
        </div>
        <p class="small">
          {bot.own
            ? "This is the gate of npm start with your bot and your policy; the Graph API is a stand-in."
            : "A real gate runs on your machine, told by signed webhooks; only the phones, the bot and Meta are played."}
        </p>
      </main>
    </>
  );
}
