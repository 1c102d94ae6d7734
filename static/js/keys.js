// Shortcuts and the search box. One-key shortcuts can be switched off on the page /shortcuts.
const find = document.getElementById("find");
const results = document.getElementById("find-results");
const GO = { m: "/", p: "/products", l: "/stock/low", d: "/debts", s: "/suppliers", c: "/cash", h: "/health" };
const OFF = "shortcuts-off";
let waitsForSecond = false;

const typing = (target) => target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey) return withControl(event);
  if (event.altKey || typing(event.target) || localStorage.getItem(OFF) || document.querySelector("dialog[open]")) return undefined;
  return oneKey(event);
});

function withControl(event) {
  if (event.key === "k" && find) {
    event.preventDefault();
    find.focus();
    find.select();
  } else if (event.key === "s") {
    const form = event.target.closest("form[data-guard]") || document.querySelector("form[data-guard]");
    if (form) {
      event.preventDefault();
      form.requestSubmit();
    }
  }
}

function oneKey(event) {
  if (waitsForSecond) {
    waitsForSecond = false;
    const link = GO[event.key] && document.querySelector(`.side a[href="${GO[event.key]}"]`);
    if (link) link.click();
  } else if (event.key === "g") {
    waitsForSecond = true;
    setTimeout(() => (waitsForSecond = false), 1500);
  } else if (event.key === "/" && find) {
    event.preventDefault();
    find.focus();
  } else if (event.key === "?") {
    window.location.assign("/shortcuts");
  } else if (event.key === "n") {
    document.querySelector("[data-new]")?.click();
  }
}

// A barcode scanner is a quick typist that ends with Enter: what it types outside of fields is looked up.
let code = "";
let lastKey = 0;

document.addEventListener(
  "keydown",
  (event) => {
    if (typing(event.target) || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.timeStamp - lastKey > 35) code = "";
    lastKey = event.timeStamp;
    if (event.key.length === 1) {
      code += event.key;
      if (code.length > 1) event.stopImmediatePropagation(); // no shortcut hides in a barcode
    } else if (event.key === "Enter" && code.length >= 6) {
      event.preventDefault();
      window.location.assign(`/search?q=${encodeURIComponent(code)}`);
      code = "";
    }
  },
  { capture: true },
);

if (find) {
  let timer;
  const hide = () => (results.hidden = true);
  const typed = () => find.value.trim();
  const fresh = () => !results.hidden && results.dataset.shown === typed(); // else these are the hits of fewer letters
  const ask = async () => {
    const q = typed();
    const answer = await fetch(`/search?q=${encodeURIComponent(q)}`, { headers: { "HX-Request": "true" } });
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (q !== typed()) return; // a later answer was quicker
    results.replaceChildren(...page.body.childNodes);
    results.dataset.shown = q;
    results.hidden = false;
  };
  const at = () => results.querySelector("a.is-at");
  const move = (step) => {
    const links = [...results.querySelectorAll("a")];
    const next = links[(links.indexOf(at()) + step + links.length) % links.length];
    at()?.classList.remove("is-at");
    next?.classList.add("is-at");
    next?.scrollIntoView({ block: "nearest" });
  };
  find.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(ask, 200);
  });
  find.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (!fresh()) ask();
      else move(event.key === "ArrowDown" ? 1 : -1);
    } else if (event.key === "Enter" && fresh() && at()) {
      event.preventDefault();
      at().click();
    } else if (event.key === "Escape") {
      hide();
      find.blur();
    }
  });
  document.addEventListener("click", (event) => {
    if (!event.target.closest(".find")) hide();
  });
}

const box = document.querySelector("[data-shortcuts]");
if (box) {
  box.checked = !localStorage.getItem(OFF);
  box.addEventListener("change", () => (box.checked ? localStorage.removeItem(OFF) : localStorage.setItem(OFF, "1")));
}
