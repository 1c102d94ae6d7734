// Short messages, closing them, and what to say when the server could not be reached.
document.documentElement.classList.add("js");

const SYMBOLS = { ok: "check-circle", warn: "exclamation-triangle", bad: "x-circle", info: "info-circle" };
const icons = document.querySelector('meta[name="icons"]').content;

function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `${icons}#${name}`);
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  svg.append(use);
  return svg;
}

export function toast(message, kind = "ok") {
  const note = document.createElement("div");
  note.className = `note note-${SYMBOLS[kind] ? kind : "info"}`;
  const words = document.createElement("div");
  words.className = "note-text";
  words.textContent = message;
  const close = document.createElement("button");
  close.type = "button";
  close.className = "btn-plain";
  close.dataset.close = "";
  close.setAttribute("aria-label", "Close this message");
  close.append(icon("x-lg"));
  note.append(icon(SYMBOLS[kind] || "info-circle"), words, close);
  document.getElementById("toasts").append(note);
  if (kind === "ok") setTimeout(() => note.remove(), 5000); // errors stay until they are closed
}

document.addEventListener("toast", (event) => toast(event.detail.message, event.detail.kind));
document.addEventListener("click", (event) => event.target.closest("[data-close]")?.closest(".note").remove());
document.addEventListener("htmx:sendError", (event) => {
  if (!event.detail.requestConfig?.headers["X-Poll"]) toast("The shop's program can't be reached. Nothing was sent.", "bad");
});
