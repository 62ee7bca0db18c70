/**
 * A browser of examples with predictions: a page of them, the text with what was right and what was given.
 *
 * J and K or the arrows go to the next and the previous one, Page Down and Page Up turn pages, X flags,
 * E puts the text below to be changed. All text is put into the page as text.
 */

/** @param {string} tag @param {string} name @param {string} [text] */
function element(tag, name, text) {
  const made = document.createElement(tag);
  if (name) made.className = name;
  if (text !== undefined) made.textContent = text;
  return made;
}

/** "41 to 60 of 133 shown, 1,000 in all". @param {number} first @param {number} count
 * @param {number} total @param {number} overall */
export function placeSentence(first, count, total, overall) {
  if (!total) return overall ? `none of ${overall.toLocaleString("en")} examples fits` : "no examples";
  const range = `${(first + 1).toLocaleString("en")} to ${(first + count).toLocaleString("en")}`;
  const all = `of ${total.toLocaleString("en")}`;
  return total === overall ? `${range} ${all}` : `${range} ${all} that fit, ${overall.toLocaleString("en")} in all`;
}

/** Where a key leads from example `place`, or null if the key means nothing here.
 * @param {string} key @param {number} place @param {number} total @param {number} size of a page */
export function nextPlace(key, place, total, size) {
  const steps = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1, PageDown: size, PageUp: -size };
  const name = key.length === 1 ? key.toLowerCase() : key;
  let wanted = null;
  if (name in steps) wanted = place + steps[name];
  else if (name === "Home") wanted = 0;
  else if (name === "End") wanted = total - 1;
  return wanted === null ? null : Math.max(0, Math.min(total - 1, wanted));
}

const SIGNS = { right: "✓", wrong: "✗", unknown: "?" };

/** What a screen reader says of an example. */
export function spoken(example) {
  const parts = [example.verdict, `right: ${example.right}`, `given: ${example.given}`];
  if (example.confidence !== null) parts.push(`${Math.round(100 * example.confidence)} percent sure`);
  if (example.is_flagged) parts.push("flagged");
  return parts.join(", ");
}

/** A tagged sentence: gold spans above the words, predicted ones below. */
function taggedSentence(groups) {
  const line = element("div", "ke-tagged");
  for (const group of groups) {
    const box = element("span", "ke-group");
    box.style.gridTemplateColumns = `repeat(${group.words.length}, auto)`;
    for (const [kind, row, spans] of [["gold", 1, group.gold], ["predicted", 3, group.predicted]]) {
      for (const [label, first, end] of spans) {
        const sign = kind === "predicted" && group.verdict ? ` ${SIGNS[group.verdict]}` : "";
        const mark = element("span", `ke-span ke-${kind} ke-is-${group.verdict}`, label + sign);
        mark.style.gridRow = row;
        mark.style.gridColumn = `${first + 1} / ${end + 1}`;
        box.append(mark);
      }
    }
    group.words.forEach((word, place) => {
      const shown = element("span", "ke-tagged-word", word);
      shown.style.gridRow = 2;
      shown.style.gridColumn = place + 1;
      box.append(shown);
    });
    line.append(box);
  }
  return line;
}

/** A context with the answers marked in it. */
function markedContext(segments) {
  const line = element("p", "ke-context");
  for (const [text, mark] of segments) {
    line.append(mark && mark !== "cut" ? element("mark", `ke-${mark}`, text) : document.createTextNode(text));
  }
  return line;
}

function render({ model, el }) {
  el.classList.add("ke-examples", "ke-view");
  el.dataset.lmSuppressShortcuts = "true";
  const bar = element("div", "ke-bar");
  const place = element("span", "ke-place");
  place.setAttribute("role", "status");
  const earlier = element("button", "ke-button", "Earlier");
  const later = element("button", "ke-button", "Later");
  const help = element("span", "ke-quiet", "J next · K previous · X flag · E put into “New text”");
  bar.append(earlier, later, place, help);
  const feed = element("div", "ke-feed");
  feed.setAttribute("role", "feed");
  feed.setAttribute("aria-label", "Examples");
  el.append(bar, feed);
  let wantsFocus = false;

  const size = () => model.get("page_size");
  const turnTo = (first) => model.send({ kind: "page", first });
  const choose = (wanted) => {
    const first = model.get("first");
    const count = model.get("examples").length;
    model.set("chosen", wanted);
    model.save_changes();
    wantsFocus = true;
    if (wanted < first || wanted >= first + count) turnTo(Math.floor(wanted / size()) * size());
    else mark();
  };

  const mark = () => {
    for (const item of feed.children) {
      const isChosen = Number(item.dataset.place) === model.get("chosen");
      item.tabIndex = isChosen ? 0 : -1;
      item.toggleAttribute("data-chosen", isChosen);
      if (isChosen && wantsFocus) { item.focus(); wantsFocus = false; }
    }
  };

  const item = (example) => {
    const box = element("article", "ke-example");
    box.dataset.place = example.place;
    box.setAttribute("aria-posinset", example.place + 1);
    box.setAttribute("aria-setsize", model.get("total"));
    box.setAttribute("aria-label", spoken(example));
    const head = element("div", "ke-example-head");
    const verdict = element("span", `ke-verdict ke-is-${example.is_right}`, "");
    verdict.textContent = `${SIGNS[example.is_right] ?? "≈"} ${example.verdict}`;
    head.append(verdict, element("span", "", `right: ${example.right}`), element("span", "", `given: ${example.given}`));
    if (example.confidence !== null) head.append(element("span", "ke-quiet", `${Math.round(100 * example.confidence)} % sure`));
    head.append(element("span", "ke-quiet", example.id));
    const flag = element("button", "ke-button", example.is_flagged ? "⚑ Flagged" : "Flag");
    flag.setAttribute("aria-pressed", String(example.is_flagged));
    flag.title = "Note in the run's folder that something is wrong with this example, such as its label";
    flag.onclick = () => model.send({ kind: "flag", id: example.id });
    const edit = element("button", "ke-button", "Edit");
    edit.title = "Put this text into “New text” below, to change it and see the prediction move";
    edit.onclick = () => model.send({ kind: "edit", place: example.place });
    head.append(flag, edit);
    box.append(head);
    if (example.groups) box.append(taggedSentence(example.groups));
    for (const [name, text] of example.texts) {
      if (name === "context" && example.segments) { box.append(markedContext(example.segments)); continue; }
      if (example.groups) continue;
      const line = element("p", "ke-text");
      if (example.texts.length > 1) line.append(element("span", "ke-quiet", `${name}: `));
      line.append(document.createTextNode(text));
      box.append(line);
    }
    if (!example.texts.length) box.append(element("p", "ke-quiet", "The run did not keep the text of this example."));
    box.onclick = () => { if (model.get("chosen") !== example.place) { model.set("chosen", example.place); model.save_changes(); mark(); } };
    return box;
  };

  const draw = () => {
    const examples = model.get("examples");
    const [first, total] = [model.get("first"), model.get("total")];
    const hadFocus = feed.contains(document.activeElement);
    if (hadFocus) wantsFocus = true;
    place.textContent = placeSentence(first, examples.length, total, model.get("overall"));
    earlier.disabled = first <= 0;
    later.disabled = first + examples.length >= total;
    earlier.title = earlier.disabled ? "These are the first ones" : "";
    later.title = later.disabled ? "These are the last ones" : "";
    feed.replaceChildren(...examples.map(item));
    mark();
  };
  earlier.onclick = () => turnTo(Math.max(0, model.get("first") - size()));
  later.onclick = () => turnTo(model.get("first") + size());

  feed.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const chosen = model.get("chosen");
    const wanted = nextPlace(event.key, chosen, model.get("total"), size());
    const example = model.get("examples").find((one) => one.place === chosen);
    const letter = event.key.toLowerCase();
    if (wanted !== null) choose(wanted);
    else if (letter === "x" && example) model.send({ kind: "flag", id: example.id });
    else if (letter === "e" && example) model.send({ kind: "edit", place: example.place });
    else return;
    event.preventDefault();
  });

  draw();
  const names = ["examples", "total", "overall", "first"];
  // Several of them change together: draw once.
  let isDue = false;
  const drawSoon = () => {
    if (isDue) return;
    isDue = true;
    queueMicrotask(() => { isDue = false; draw(); });
  };
  for (const name of names) model.on(`change:${name}`, drawSoon);
  model.on("change:chosen", mark);
  return () => {
    for (const name of names) model.off(`change:${name}`, drawSoon);
    model.off("change:chosen", mark);
  };
}

export default { render };
