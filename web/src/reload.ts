// Loading the page again, where only that helps: a new version was deployed, or Cloudflare Access wants a new sign-in.
//
// Invariant: at most once a minute, so that what does not help does not go on for ever.
//
// Deliberately not here: saying so. The page comes back at the same place.

const KEY = "baton.reloaded";
const AGAIN_AFTER_MS = 60_000;

/** Whether the page is being loaded again. */
export function reloadOnce(): boolean {
  const last = Number(sessionStorage.getItem(KEY) ?? 0);
  if (Date.now() - last < AGAIN_AFTER_MS) return false;
  sessionStorage.setItem(KEY, String(Date.now()));
  location.reload();
  return true;
}
