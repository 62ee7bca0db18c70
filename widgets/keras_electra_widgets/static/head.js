/**
 * The head of a panel: state, title, the buttons Code and Keep, and the message strip.
 *
 * It also does for the panel around it what Python cannot: hides the static copy below the live panel,
 * tells Python whether the page is dark and how wide the panel is, keeps JupyterLab's one-letter shortcuts
 * out, has charts follow the width of their box, and gives them their sentence.
 */

/** @param {string} tag @param {string} name @param {string} [text] */
function element(tag, name, text) {
  const made = document.createElement(tag);
  made.className = name;
  if (text !== undefined) made.textContent = text;
  return made;
}

/** Whether a page is dark, by what its host says of it. @param {Document} page */
export function isDark(page) {
  const body = page.body;
  if (body.dataset.jpThemeLight) return body.dataset.jpThemeLight === "false";
  if (body.classList.contains("vscode-dark") || body.classList.contains("vscode-high-contrast")) return true;
  if (body.classList.contains("vscode-light")) return false;
  const root = page.documentElement;
  if (root.dataset.theme || body.dataset.theme) return (root.dataset.theme || body.dataset.theme) === "dark";
  if (root.classList.contains("dark") || body.classList.contains("dark")) return true;
  return Boolean(page.defaultView?.matchMedia?.("(prefers-color-scheme: dark)").matches);
}

/** Whether a key pressed inside a panel stays there; others, as Ctrl+S, Shift+Enter and Escape, are the host's.
 * @param {{key: string, ctrlKey: boolean, metaKey: boolean, altKey: boolean, shiftKey: boolean}} event */
export function staysInside(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return false;
  if (event.key.length === 1) return true;
  if (event.key === "Enter") return !event.shiftKey;
  return /^(Arrow|Page|Home$|End$|Delete$|Backspace$)/.test(event.key);
}

/** A rule that hides every output of a notebook that holds the static copy `uid`. @param {string} uid */
export function hidingRule(uid) {
  const name = uid.replace(/[^a-zA-Z0-9_-]/g, "");
  const copy = `[data-ke-static="${name}"]`;
  return `${copy} { display: none; } .jp-OutputArea-child:has(${copy}) { display: none; }`;
}

/** Copies text, also where the page may not use the clipboard. @param {HTMLElement} box */
async function copyText(box) {
  try {
    await navigator.clipboard.writeText(box.textContent);
    return "Copied.";
  } catch {
    const range = document.createRange();
    range.selectNodeContents(box);
    getSelection().removeAllRanges();
    getSelection().addRange(range);
    return "Selected: press Ctrl+C to copy it.";
  }
}

function render({ model, el }) {
  el.classList.add("ke-head", "ke-view");
  const line = element("div", "ke-line");
  const badge = element("span", "ke-badge");
  const sign = element("span", "ke-sign");
  sign.setAttribute("aria-hidden", "true");
  const word = element("span", "ke-word");
  badge.append(sign, word);
  const title = element("span", "ke-title");
  const subtitle = element("span", "ke-subtitle");
  const codeButton = element("button", "ke-button", "Code");
  codeButton.title = "Show the Python for what is shown here";
  const keepButton = element("button", "ke-button", "Keep");
  keepButton.title = "Write what is shown into the notebook now, so that it stays when the notebook is saved";
  line.append(badge, title, subtitle, codeButton, keepButton);

  const strip = element("div", "ke-strip");
  const sentence = element("div", "ke-sentence");
  strip.append(sentence);
  const details = element("details", "ke-details");
  const summary = element("summary", "", "Details");
  const detailText = element("pre", "");
  detailText.tabIndex = 0;
  details.append(summary, detailText);

  const code = element("div", "ke-code");
  const codeText = element("pre", "");
  codeText.tabIndex = 0;
  codeText.setAttribute("aria-label", "Python for this panel");
  const copyButton = element("button", "ke-button", "Copy");
  const copied = element("span", "ke-quiet");
  copied.setAttribute("role", "status");
  code.append(codeText, copyButton, copied);
  code.hidden = true;
  el.append(line, strip, details, code);

  const setText = (node, text) => { if (node.textContent !== text) node.textContent = text; };
  const draw = () => {
    badge.dataset.state = model.get("state");
    setText(sign, model.get("sign"));
    setText(word, model.get("word"));
    setText(title, model.get("title"));
    setText(subtitle, model.get("subtitle"));
    // A live region must have its role before its text changes.
    const kind = model.get("is_alert") ? "alert" : "status";
    if (sentence.getAttribute("role") !== kind) sentence.setAttribute("role", kind);
    strip.dataset.kind = kind;
    setText(sentence, model.get("sentence"));
    details.hidden = !model.get("details");
    setText(detailText, model.get("details"));
    setText(codeText, model.get("code"));
  };
  codeButton.setAttribute("aria-expanded", "false");
  codeButton.onclick = () => {
    code.hidden = !code.hidden;
    codeButton.setAttribute("aria-expanded", String(!code.hidden));
    setText(copied, "");
    model.send({ kind: "code" });
  };
  copyButton.onclick = async () => setText(copied, await copyText(codeText));
  keepButton.onclick = () => model.send({ kind: "keep" });

  const hiding = element("style", "");
  hiding.textContent = hidingRule(model.get("uid"));
  document.head.append(hiding);

  const tellTheme = () => {
    const dark = isDark(document);
    if (model.get("dark") !== dark) { model.set("dark", dark); model.save_changes(); }
  };
  tellTheme();
  const themes = new MutationObserver(tellTheme);
  for (const node of [document.body, document.documentElement]) {
    themes.observe(node, { attributes: true, attributeFilter: ["data-jp-theme-light", "data-theme", "class"] });
  }

  // A chart draws itself anew when the window changes, not when its box does.
  const sizes = new ResizeObserver(() => window.dispatchEvent(new Event("resize")));
  const watched = new WeakSet();
  // JupyterLab takes keys when they have come up to the page, Notebook 7 before they go down to the panel: for
  // it the element itself must say that it wants none of the host's commands, which delete cells.
  const QUIET = "data-lm-suppress-shortcuts";
  let panel = null;
  const keepKeys = (event) => { if (staysInside(event)) event.stopPropagation(); };
  const beforeHost = (event) => {
    const target = event.target;
    if (!staysInside(event) || !panel?.contains(target) || target.hasAttribute(QUIET)) return;
    target.setAttribute(QUIET, "true");
    setTimeout(() => target.removeAttribute(QUIET));
  };
  window.addEventListener("keydown", beforeHost, true);
  const adopt = () => {
    panel ??= el.closest(".ke-panel");
    if (!panel) return;
    panel.setAttribute(QUIET, "true");
    panel.addEventListener("keydown", keepKeys);
    const width = 10 * Math.floor(panel.clientWidth / 10);
    if (width && model.get("width") !== width) { model.set("width", width); model.save_changes(); }
    // ipywidgets leaves the handles of its sliders without a name.
    for (const handle of panel.querySelectorAll("[role=slider]:not([aria-label])")) {
      const label = handle.closest(".jupyter-widgets")?.querySelector(".widget-label");
      if (label?.textContent) handle.setAttribute("aria-label", label.textContent);
    }
    for (const box of panel.querySelectorAll(".ke-figure")) {
      if (!watched.has(box)) { watched.add(box); sizes.observe(box); }
      box.setAttribute("role", "group");
      const told = model.get("chart") || "chart";
      if (box.getAttribute("aria-label") !== told) box.setAttribute("aria-label", told);
    }
  };
  // Boxes put their children into the page one after another, some only when they are first shown.
  const adopting = setInterval(adopt, 500);
  adopt();

  draw();
  const names = ["state", "sign", "word", "title", "subtitle", "sentence", "is_alert", "details", "code"];
  for (const name of names) model.on(`change:${name}`, draw);
  return () => {
    for (const name of names) model.off(`change:${name}`, draw);
    clearInterval(adopting);
    window.removeEventListener("keydown", beforeHost, true);
    panel?.removeEventListener("keydown", keepKeys);
    themes.disconnect();
    sizes.disconnect();
    hiding.remove();
  };
}

export default { render };
