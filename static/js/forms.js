// Forms: the focus goes to what is wrong, a second click is stopped, typed changes are not left by accident.
document.querySelector("[data-focus]")?.focus();

let changed = null;
document.addEventListener("input", (event) => {
  const form = event.target.closest("form[data-guard]");
  if (form) changed = form;
});
window.addEventListener("beforeunload", (event) => {
  if (changed?.isConnected) event.preventDefault();
});

document.addEventListener("submit", (event) => {
  changed = null;
  const form = event.target;
  if (form.method !== "post" || form.hasAttribute("hx-post")) return;
  if (form.dataset.sent) {
    event.preventDefault(); // the first click is on its way
    return;
  }
  form.dataset.sent = "1";
  event.submitter?.classList.add("is-busy");
});

window.addEventListener("pageshow", () => {
  // Back from the browser's memory: the form may be sent again.
  for (const form of document.querySelectorAll("form[data-sent]")) {
    delete form.dataset.sent;
    form.querySelector(".is-busy")?.classList.remove("is-busy");
  }
});
