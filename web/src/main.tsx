// The page's beginning: appearance, language, then the first drawing.
//
// Invariant: nothing is drawn before the words are there.
//
// Deliberately not here: signing in (app.tsx).

import { render } from "preact";
import { App } from "./app";
import { load, wanted } from "./i18n";
import { startTheme } from "./theme";
import "./style/base.css";
import "./style/layout.css";
import "./style/parts.css";
import "./style/now.css";
import "./style/talk.css";
import "./style/health.css";
import "./style/policy.css";

startTheme();
const words = await load(wanted());
const root = document.getElementById("app");
if (root) render(<App words={words} />, root);
