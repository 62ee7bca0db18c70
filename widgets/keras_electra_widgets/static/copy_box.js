/** Text under a title, with a button that copies it. */

/** @param {HTMLElement} box what to copy @returns {Promise<string>} what came of it, in words */
async function copyText(box) {
  try {
    await navigator.clipboard.writeText(box.textContent);
    return "Copied.";
  } catch {
    // The clipboard is closed to pages that are not served safely.
    const range = document.createRange();
    range.selectNodeContents(box);
    getSelection().removeAllRanges();
    getSelection().addRange(range);
    return "Selected: press Ctrl+C to copy it.";
  }
}

function render({ model, el }) {
  el.classList.add("ke-view", "ke-copy-box");
  const line = document.createElement("div");
  const title = document.createElement("span");
  title.className = "ke-copy-title";
  const button = document.createElement("button");
  button.type = "button";
  const told = document.createElement("span");
  told.className = "ke-quiet";
  told.setAttribute("role", "status");
  const text = document.createElement("pre");
  text.tabIndex = 0;
  line.append(title, button, told);
  el.append(line, text);
  const draw = () => {
    title.textContent = model.get("title");
    button.textContent = "Copy";
    button.setAttribute("aria-label", `Copy ${model.get("title")}`);
    text.setAttribute("aria-label", model.get("title"));
    text.setAttribute("role", "region");
    if (text.textContent !== model.get("text")) {
      text.textContent = model.get("text");
      told.textContent = "";
    }
  };
  button.onclick = async () => { told.textContent = await copyText(text); };
  draw();
  model.on("change", draw);
  return () => model.off("change", draw);
}

export default { render };
