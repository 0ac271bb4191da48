// A chart over time, as lines or as stacked bars, with the same numbers as a table.
//
// Invariant: what the canvas shows, the legend and the table say in words; lines differ by their dashes as well as by
// colour. The chart takes its colours from the style sheet and is drawn anew when the appearance changes.
//
// Deliberately not here: zoom and selection. The span is chosen above the charts.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { dayShort, moment, number } from "../format";
import { useWords } from "../i18n";

/** Half the width of the longest time under the axis, "12:00 AM". */
const LABEL_HALF_PX = 26;
const HEIGHT = 220;
const BAR_SHARE = 0.7;
const BAR_MAX_PX = 48;

export interface Series { label: string; values: number[]; color: string; dash?: number[] }
interface Props { title: string; at: number[]; series: Series[]; kind: "lines" | "bars"; digits?: number; isDaily?: boolean }

export function Chart({ title, at, series, kind, digits = 0, isDaily = false }: Props) {
  const { t, locale } = useWords();
  const place = useRef<HTMLDivElement>(null);
  const [under, setUnder] = useState<number | null>(null);
  const [theme, setTheme] = useState(document.documentElement.dataset.theme);
  const [isTable, setTable] = useState(false);
  const key = useMemo(() => JSON.stringify([at, series]), [at, series]);
  const timeOf = (ms: number) => (isDaily ? dayShort(locale, ms) : moment(locale, ms));
  const total = (one: Series) => one.values.reduce((sum, value) => sum + value, 0);

  useEffect(() => {
    const changed = () => setTheme(document.documentElement.dataset.theme);
    addEventListener("baton:theme", changed);
    return () => removeEventListener("baton:theme", changed);
  }, []);

  useEffect(() => {
    const element = place.current;
    if (!element) return;
    const css = getComputedStyle(document.documentElement);
    const color = (name: string) => css.getPropertyValue(`--${name}`).trim();
    const chart = new uPlot({
      width: element.clientWidth || 300,
      height: HEIGHT,
      // The last time of day is as wide on the right as on the left.
      padding: [null, LABEL_HALF_PX, null, null],
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false }, points: { show: kind === "lines" } },
      scales: {
        x: { time: true, ...(kind === "bars" ? { range: (_: uPlot, min: number, max: number): [number, number] => [min - step(at) / 2000, max + step(at) / 2000] } : {}) },
        y: { range: (_: uPlot, _min: number, max: number): [number, number] => [0, Math.max(max * 1.1, digits === 0 ? 4 : 0.4)] },
      },
      axes: [
        { stroke: color("dim"), grid: { show: false }, ticks: { show: false }, font: FONT, size: 30, values: (_: uPlot, ticks: number[]) => ticks.map((tick) => axisTime(locale, tick * 1000, isDaily)), space: 64 },
        { stroke: color("dim"), grid: { stroke: color("line"), width: 1 }, ticks: { show: false }, font: FONT, size: 44, values: (_: uPlot, ticks: number[]) => ticks.map((tick) => number(locale, tick, 2)) },
      ],
      series: [{}, ...drawn(series, kind, color)],
      hooks: { setCursor: [(self: uPlot) => setUnder(self.cursor.idx ?? null)] },
    }, dataOf(at, series, kind), element);
    const observer = new ResizeObserver(() => {
      const width = element.clientWidth;
      if (width > 0 && width !== chart.width) chart.setSize({ width, height: HEIGHT });
    });
    observer.observe(element);
    return () => { observer.disconnect(); chart.destroy(); };
  }, [key, theme, locale, kind]);

  const summary = series.map((one) => `${one.label}: ${number(locale, under === null ? total(one) : one.values[under] ?? 0, digits)}`).join(", ");
  return (
    <figure class="chart card">
      <figcaption>
        <h2>{title}</h2>
        <span class="hint chart-at">{under !== null && at[under] !== undefined ? timeOf(at[under]) : ""}</span>
      </figcaption>
      <div ref={place} class="plot" role="img" aria-label={`${title}. ${summary}`} />
      <ul class="legend">
        {series.map((one) => (
          <li key={one.label}>
            <svg class="swatch" viewBox="0 0 24 8" width="24" height="8" aria-hidden="true">
              {kind === "bars"
                ? <rect width="24" height="8" class={`fill-${one.color}`} />
                : <line x1="0" y1="4" x2="24" y2="4" class={`stroke-${one.color}`} stroke-width="3" stroke-dasharray={one.dash?.join(" ")} />}
            </svg>
            {one.label}
            {under !== null && <strong>{number(locale, one.values[under] ?? 0, digits)}</strong>}
          </li>
        ))}
      </ul>
      <details class="more" onToggle={(event) => setTable(event.currentTarget.open)}>
        <summary>{t.health.table}</summary>
        {isTable && (
          <div class="scroll" tabIndex={0} role="region" aria-label={title}>
            <table>
              <caption class="unseen">{title}</caption>
              <thead><tr><th scope="col">{t.health.time}</th>{series.map((one) => <th key={one.label} scope="col">{one.label}</th>)}</tr></thead>
              <tbody>
                {at.map((ms, index) => (
                  <tr key={ms}>
                    <th scope="row">{timeOf(ms)}</th>
                    {series.map((one) => <td key={one.label}>{number(locale, one.values[index] ?? 0, digits)}</td>)}
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </details>
    </figure>
  );
}

const FONT = "12px system-ui, sans-serif";
const step = (at: number[]) => (at.length > 1 ? at[1]! - at[0]! : 86_400_000);
const axisTime = (locale: string, ms: number, isDaily: boolean) =>
  new Intl.DateTimeFormat(locale, isDaily ? { day: "numeric", month: "short" } : { hour: "2-digit", minute: "2-digit" }).format(ms);

/** Bars are drawn from the whole stack down, so that each covers what lies under it; an empty one would cut the axis. */
function dataOf(at: number[], series: Series[], kind: Props["kind"]): uPlot.AlignedData {
  const seconds = at.map((ms) => ms / 1000);
  if (kind === "lines") return [seconds, ...series.map((one) => one.values)];
  const stacks = series.map((_, upTo) => at.map((_ms, index) => series.slice(0, upTo + 1).reduce((sum, one) => sum + (one.values[index] ?? 0), 0) || null));
  return [seconds, ...stacks.reverse()];
}

function drawn(series: Series[], kind: Props["kind"], color: (name: string) => string): uPlot.Series[] {
  if (kind === "lines") {
    return series.map((one) => ({ label: one.label, stroke: color(one.color), width: 2, points: { show: false }, ...(one.dash ? { dash: one.dash } : {}) }));
  }
  const bars = uPlot.paths.bars?.({ size: [BAR_SHARE, BAR_MAX_PX] });
  return [...series].reverse().map((one) => ({
    label: one.label, fill: color(one.color), stroke: color("page"), width: 1, points: { show: false }, ...(bars ? { paths: bars } : {}),
  }));
}
