// Keeps a page up to date: regions with data-live are replaced when there is a new look at the jobs, and lines
// are added to the log. Pages work without it.
"use strict";

const LOOK_SECONDS = 5;
const LOG_SECONDS = 3;
const MOST_LOG_CHARACTERS = 400000;

const again = (work, seconds) => {
  const round = async () => {
    try {
      if (!document.hidden) await work();
    } catch {
      // The dashboard has ended or cannot be reached: what is shown stays, with its time.
    }
    setTimeout(round, seconds * 1000);
  };
  setTimeout(round, seconds * 1000);
};

const answer = async (address) => {
  const found = await fetch(address, { headers: { Accept: "application/json" } });
  return found.ok ? found.json() : null;
};

const replaced = (region, fresh) => {
  const held = region.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
  region.replaceChildren(...fresh.childNodes);
  if (held !== null) {
    [...region.querySelectorAll("a")].find((each) => each.getAttribute("href") === held)?.focus({ preventScroll: true });
  }
};

again(async () => {
  const look = await answer("look");
  if (look === null || look.version === document.body.dataset.version) return;
  const selection = document.getSelection();
  if (selection !== null && !selection.isCollapsed) return;
  const page = await fetch(location.href);
  if (!page.ok) return;
  const fresh = new DOMParser().parseFromString(await page.text(), "text/html");
  for (const region of document.querySelectorAll("[data-live]")) {
    const found = fresh.getElementById(region.id);
    if (found !== null && found.innerHTML !== region.innerHTML) replaced(region, found);
  }
  document.body.dataset.version = look.version;
}, LOOK_SECONDS);

const log = document.querySelector("[data-log]");
if (log !== null) {
  log.scrollTop = log.scrollHeight;
  again(async () => {
    const { run, part } = log.dataset;
    const found = await answer(`${log.dataset.log}?run=${encodeURIComponent(run)}&after=${part}`);
    if (found === null || found.part === null) return;
    const follows = log.scrollHeight - log.scrollTop - log.clientHeight < 30;
    if (found.run !== run) log.textContent = "";
    log.append(found.text);
    if (log.textContent.length > MOST_LOG_CHARACTERS) log.textContent = log.textContent.slice(-MOST_LOG_CHARACTERS / 2);
    log.dataset.run = found.run;
    log.dataset.part = found.part;
    if (follows) log.scrollTop = log.scrollHeight;
  }, LOG_SECONDS);
}
