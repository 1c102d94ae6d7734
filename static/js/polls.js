// Live views: an element with data-poll="30" (seconds) is fetched anew from data-poll-url and replaced, never while the tab is hidden.
const busy = new WeakSet();
const last = new WeakMap();

async function refresh(element) {
  busy.add(element);
  last.set(element, Date.now());
  try {
    const answer = await fetch(element.dataset.pollUrl, { headers: { "X-Poll": "1", "HX-Request": "true" }, redirect: "manual" });
    if (!answer.ok || answer.status === 204 || !element.isConnected) return;
    if (element.querySelector("details.menu[open], dialog[open], input:focus, select:focus, textarea:focus")) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.body.firstElementChild;
    if (!fresh) return;
    const had = element.contains(document.activeElement) && document.activeElement.id;
    last.set(fresh, Date.now());
    element.replaceWith(fresh);
    if (had) document.getElementById(had)?.focus();
    window.htmx?.process(fresh);
    fresh.dispatchEvent(new CustomEvent("polled", { bubbles: true }));
  } catch {
    // The program restarts or the Wi-Fi is gone: the next round asks again.
  } finally {
    busy.delete(element);
  }
}

setInterval(() => {
  if (document.hidden) return;
  for (const element of document.querySelectorAll("[data-poll]")) {
    if (!last.has(element)) last.set(element, Date.now());
    if (!busy.has(element) && Date.now() - last.get(element) >= Number(element.dataset.poll) * 1000) refresh(element);
  }
}, 500);

document.addEventListener("polled", (event) => {
  const unread = event.target.dataset.unread;
  if (unread === undefined) return;
  document.title = (unread === "0" ? "" : `(${unread}) `) + document.title.replace(/^\(\d+\) /, "");
});
