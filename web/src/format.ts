// Numbers, times, spans and phone numbers as people write them.
//
// Invariant: everything with a language goes through Intl with the page's locale. A user id is shown as it is.
//
// Deliberately not here: a table of all national numbering plans. Grouping by country code and length reads well
// enough and never changes a digit.

import { now } from "./clock";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const made = new Map<string, Intl.DateTimeFormat>();
function dates(locale: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = locale + JSON.stringify(options);
  let format = made.get(key);
  if (!format) made.set(key, (format = new Intl.DateTimeFormat(locale, options)));
  return format;
}

export const clockTime = (locale: string, at: number) => dates(locale, { hour: "2-digit", minute: "2-digit", second: "2-digit" }).format(at);
export const dayName = (locale: string, at: number) => dates(locale, { weekday: "long", day: "numeric", month: "long" }).format(at);
export const dayShort = (locale: string, at: number) => dates(locale, { day: "numeric", month: "short" }).format(at);
export const fullTime = (locale: string, at: number) =>
  dates(locale, { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit" }).format(at);

/** The time alone today, with the day otherwise. */
export function moment(locale: string, at: number): string {
  const isToday = new Date(at).toDateString() === new Date(now()).toDateString();
  return dates(locale, { hour: "2-digit", minute: "2-digit", ...(isToday ? {} : { day: "numeric", month: "short" }) }).format(at);
}

export const number = (locale: string, value: number, digits = 0) => new Intl.NumberFormat(locale, { maximumFractionDigits: digits }).format(value);
export const percent = (locale: string, share: number) => new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 1 }).format(share);

/** `75` s → `1 min 15 s`; two units at most. The units are the same in the page's three languages. */
export function span(ms: number): string {
  const whole = Math.max(0, Math.floor(ms / SECOND)) * SECOND;
  if (whole < MINUTE) return `${whole / SECOND} s`;
  if (whole < HOUR) return `${Math.floor(whole / MINUTE)} min ${two((whole % MINUTE) / SECOND)} s`;
  if (whole < DAY) return `${Math.floor(whole / HOUR)} h ${two(Math.floor((whole % HOUR) / MINUTE))} min`;
  return `${Math.floor(whole / DAY)} d ${Math.floor((whole % DAY) / HOUR)} h`;
}

/** As `span`, without seconds beside minutes and without units that are zero. */
export function roughSpan(ms: number): string {
  const rough = ms < MINUTE ? ms : Math.round(ms / MINUTE) * MINUTE;
  return span(rough).replace(/ 0+ (s|min|h)$/, "");
}

/** Milliseconds below a second, tenths below a minute. */
export function delay(locale: string, ms: number): string {
  if (ms < SECOND) return `${number(locale, ms)}\u00a0ms`;
  return ms < MINUTE ? `${number(locale, ms / SECOND, 1)}\u00a0s` : roughSpan(ms);
}

const two = (value: number) => String(value).padStart(2, "0");

/** `34600000001` → `+34 600 000 001`. A user id stays as it is. */
export function customerName(customer: string): string {
  if (!/^\d{7,15}$/.test(customer)) return customer;
  const code = countryCode(customer);
  return `+${code} ${grouped(code, customer.slice(code.length)).join("\u00a0")}`.replace(" ", "\u00a0");
}

const TWO_DIGITS = /^(2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58])/;

function countryCode(digits: string): string {
  if (/^[17]/.test(digits)) return digits.slice(0, 1);
  return digits.slice(0, TWO_DIGITS.test(digits) ? 2 : 3);
}

function grouped(code: string, rest: string): string[] {
  // Brazil and Argentina put the area first, and a mobile's 9 before or after it.
  if (code === "55" && rest.length >= 10) return [rest.slice(0, 2), rest.slice(2, -4), rest.slice(-4)];
  if (code === "54" && rest.length === 11) return [rest.slice(0, 1), rest.slice(1, 3), rest.slice(3, 7), rest.slice(7)];
  if (rest.length === 8) return [rest.slice(0, 4), rest.slice(4)];
  const groups: string[] = [];
  let at = 0;
  while (rest.length - at > 4) { groups.push(rest.slice(at, at + 3)); at += 3; }
  groups.push(rest.slice(at));
  return groups;
}

/** The value that `<input type="datetime-local">` wants. */
export function localInput(at: number): string {
  const date = new Date(at);
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}T${two(date.getHours())}:${two(date.getMinutes())}`;
}
