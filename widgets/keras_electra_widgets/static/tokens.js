/**
 * A text in aligned rows: what was typed, what the generator put in, what the discriminator says.
 * Python owns the state and sets the traits; the browser draws them, recounts when the threshold moves, and
 * sends `{id, kind, …}` for all else. Text only goes into the page as text.
 */

const SIGNS = { caught: "✓", missed: "✗", "false alarm": "!", lucky: "≈", "": "" };
const QUIET_MS = 250;
const SILENCE_MS = 4000;
const STRATEGIES = {
  none: "nothing", random: "at random", words: "whole words", hardest: "hardest", places: "by click",
};
const KEYS = [
  ["← → ↑ ↓", "move; with Shift, choose several"], ["Enter, click", "mask, or show again"], ["Delete", "mask"],
  ["F2, double click", "write another word; Enter keeps it, Esc does not"], ["T", "pin: sampling leaves it"],
  ["R", "sample again"], [". and ,", "next and previous suspicious token"], ["Ctrl+Z, Ctrl+Y", "undo, redo"],
  ["Ctrl+Enter", "run the text"], ["Esc", "back to the notebook"],
];

/** One of caught, missed, false alarm, lucky, and nothing. */
export function verdict(isReplaced, isMasked, probability, threshold) {
  if (probability === null) return "";
  const isAlarmed = probability >= threshold;
  if (isReplaced) return isAlarmed ? "caught" : "missed";
  if (isAlarmed) return "false alarm";
  return isMasked ? "lucky" : "";
}

/** Pieces as one word; one that starts a word inside is set off by a dot. */
export function joined(tokens) {
  return tokens.map((token, i) => (token.startsWith("##") ? token.slice(2) : (i ? "·" : "") + token)).join("");
}

/**
 * What stands in each column: a word, or with `byPieces` a piece.
 * A word is as suspicious as its most suspicious piece, and replaced if one of them is.
 */
export function columnsOf(trace, byPieces) {
  const masked = new Set(trace.mask_positions);
  const columns = [];
  trace.words.forEach((word, number) => {
    const size = byPieces ? 1 : word.last - word.first;
    for (let first = word.first; first < word.last; first += size) {
      const places = Array.from({ length: size }, (_, i) => first + i);
      const pick = (values) => places.map((place) => values[place]);
      const whole = size === word.last - word.first;
      const original = whole ? word.text : trace.tokens[first];
      const isMasked = places.some((place) => masked.has(place));
      const isDrawn = places.some((place) => trace.corrupted_tokens[place] !== trace.tokens[place]);
      const written = word.edited !== null && whole ? word.edited : joined(pick(trace.tokens));
      const probabilities = trace.probabilities && pick(trace.probabilities);
      columns.push({
        word: number, piece: first - word.first, first, last: first + size, original, isMasked,
        isEdited: word.edited !== null,
        isReplaced: pick(trace.is_replaced).some(Boolean),
        isUnknown: pick(trace.corrupted_tokens).includes("[UNK]"),
        continues: byPieces && first > word.first,
        shown: isDrawn || isMasked ? joined(pick(trace.corrupted_tokens)) : written,
        probability: probabilities && Math.max(...probabilities),
      });
    }
  });
  return columns;
}

/** How often each verdict falls. */
export function countsOf(columns, threshold) {
  const counts = { caught: 0, missed: 0, "false alarm": 0, lucky: 0, "": 0 };
  for (const one of columns) counts[verdict(one.isReplaced, one.isMasked, one.probability, threshold)] += 1;
  return counts;
}

/** `caught 1 of 1 · false alarms 0 of 7`, … */
export function countSentence(columns, threshold, tries = []) {
  if (!columns.length) return "";
  if (columns[0].probability === null) return "no discriminator: nothing is judged";
  const counts = countsOf(columns, threshold);
  const replaced = counts.caught + counts.missed;
  const parts = [
    `caught ${counts.caught} of ${replaced}`,
    `false alarms ${counts["false alarm"]} of ${columns.length - replaced}`,
  ];
  if (counts.lucky) parts.push(`lucky ${counts.lucky}`);
  if (tries.length) {
    parts.push(`your edits caught ${tries.filter((one) => one.probability >= threshold).length} of ${tries.length}`);
  }
  return parts.join(" · ");
}

export const percent = (value) => String(Math.round(100 * value));

/** What a screen reader says of a column. */
export function nameOf(column, threshold, isPinned = false) {
  const parts = [column.shown];
  if (column.isMasked) {
    parts.push(column.isReplaced ? "replaced by generator" : "masked, the generator drew the original");
  } else if (column.isEdited) parts.push("written by you");
  if (column.isReplaced) parts.push(`original ${column.original}`);
  if (column.isUnknown) parts.push("not in the vocabulary");
  if (column.probability !== null) parts.push(`probability ${percent(column.probability)} percent`);
  const word = verdict(column.isReplaced, column.isMasked, column.probability, threshold);
  if (word) parts.push(word);
  if (isPinned) parts.push("pinned");
  return parts.join(", ");
}

/** Index of the next column at or above the threshold, around the end; -1 if there is none. */
export function nextSuspicious(columns, from, direction, threshold) {
  for (let step = 1; step <= columns.length; step += 1) {
    const index = (from + direction * step + columns.length * step) % columns.length;
    if (columns[index].probability !== null && columns[index].probability >= threshold) return index;
  }
  return -1;
}

/** Candidate rows by one of their numbers; what has none comes last. */
export function sortedRows(rows, by, isDescending) {
  const value = (row) => row[by] ?? (isDescending ? -Infinity : Infinity);
  return [...rows].sort((a, b) => (isDescending ? value(b) - value(a) : value(a) - value(b)));
}

function h(tag, traits = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(traits)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name in node && !name.startsWith("aria")) node[name] = value;
    else node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/** A table; titles and cells are text, nodes or cells of their own. */
function sheet(titles, rows) {
  const cell = (tag, one) => (one instanceof HTMLTableCellElement ? one : h(tag, tag === "th" ? { scope: "col" } : {}, one));
  return h("table", {}, h("thead", {}, h("tr", {}, ...titles.map((one) => cell("th", one)))),
    h("tbody", {}, ...rows.map((row) => h("tr", {}, ...row.map((one) => cell("td", one))))));
}

/** A probability as number, ground and bar; a dash where there is none. */
function score(value, tag = "td", name = "ke-number ke-score") {
  if (value === null) return h(tag, { className: "ke-number" }, "–");
  const node = h(tag, { className: name }, percent(value));
  node.style.setProperty("--p", value);
  return node;
}

let numViews = 0;

function render({ model, el }) {
  const view = `ke-t${(numViews += 1)}-${Math.floor(performance.now())}`;
  let requests = 0, columns = [], at = 0, anchor = 0, editing = null, timer = null, silence = null, byPieces = false;
  let sorting = ["probability", true], drag = null, lookTimer = null, lookedAt = "", isFocusWanted = false;
  const get = (name) => model.get(name);
  const send = (kind, fields = {}) => {
    requests += 1;
    model.send({ id: requests, kind, ...fields });
    clearTimeout(silence);
    silence = setTimeout(() => {
      if (get("heard") < requests) say("The kernel has not answered yet: it is busy with a cell, or gone.");
    }, SILENCE_MS);
  };
  const can = (what) => get("reasons")[what] ?? "";
  const later = (job, ms) => { clearTimeout(timer); timer = setTimeout(job, ms); };

  // What is typed and chosen

  const text = h("textarea", {
    rows: 2, id: `${view}-text`, spellcheck: false, placeholder: "A sentence to look into",
    oninput: () => later(() => send("run", { text: text.value }), QUIET_MS),
  });
  const number = (name, traits, label) => {
    const box = h("input", {
      type: "number", ...traits,
      onchange: () => send("settings", { [name]: box.value === "" ? null : Number(box.value) }),
    });
    return [box, h("label", {}, label, box)];
  };
  const [rate, rateLabel] = number("mask_percent", { min: 1, max: 90, step: 1 }, "share % ");
  const [seed, seedLabel] = number("seed", { min: 0, step: 1 }, "seed ");
  const [temperature, temperatureLabel] = number("temperature", { min: 0.1, max: 10, step: 0.1 }, "temperature ");
  const [topK, topKLabel] = number("top_k", { min: 1, step: 1, placeholder: "all" }, "top k ");
  const greedy = h("input", { type: "checkbox", onchange: () => send("settings", { is_greedy: greedy.checked }) });
  const radios = Object.entries(STRATEGIES).map(([value, label]) => {
    const radio = h("input", {
      type: "radio", name: `${view}-masking`, value, onchange: () => send("settings", { masking: value }),
    });
    return [radio, h("label", {}, radio, ` ${label}`)];
  });
  const button = (label, kind, title, fields) =>
    h("button", { type: "button", className: "ke-button", title, onclick: () => send(kind, fields?.()) }, label);
  const runButton = button("Run", "run", "Mask, draw and judge (Ctrl+Enter)", () => ({ text: text.value }));
  const dice = button("New seed", "dice", "Other places and other draws");
  const sample = button("Sample again", "sample", "Other tokens in the same places; pinned ones stay (R)");
  const undo = button("Undo", "undo", "Ctrl+Z");
  const redo = button("Redo", "redo", "Ctrl+Y");
  const form = h("div", { className: "ke-form" },
    h("div", { className: "ke-row" }, h("label", { htmlFor: text.id, className: "ke-label" }, "Text"), text, runButton),
    h("fieldset", { className: "ke-row" }, h("legend", { className: "ke-label" }, "Mask"),
      ...radios.map(([, label]) => label), rateLabel),
    h("div", { className: "ke-row" }, h("span", { className: "ke-label" }, "Draw"), seedLabel, dice, temperatureLabel,
      topKLabel, h("label", {}, greedy, " likeliest only"), sample));
  const examples = h("div", { className: "ke-examples" });

  // The rows

  const slider = h("input", {
    type: "range", min: 0, max: 1, step: 0.01,
    oninput: () => { model.set("threshold", Number(slider.value)); drawVerdicts(); },
    onchange: () => model.save_changes(),
  });
  const threshold = h("output");
  const counts = h("span", { className: "ke-counts", role: "status" });
  const pieces = h("input", {
    type: "checkbox", onchange: () => { byPieces = pieces.checked; at = anchor = 0; draw(); },
  });
  const history = h("select", { onchange: () => send("go", { index: history.selectedIndex }) });
  const bar = h("div", { className: "ke-bar ke-row" },
    h("label", {}, "replaced from ", slider), threshold, counts,
    h("label", {}, pieces, " pieces"), undo, redo, h("label", {}, "History ", history));
  const row = h("div", { role: "row", className: "ke-columns" });
  const grid = h("div", {
    role: "grid", className: "ke-grid", "aria-label": "Tokens with the probability that they were replaced",
    "aria-multiselectable": "true",
  }, row);
  const labels = h("div", { className: "ke-labels", "aria-hidden": "true" });
  const rest = h("p", { className: "ke-rest" });
  const stage = h("div", { className: "ke-stage" }, labels, grid);
  const note = h("p", { className: "ke-note", role: "status" });
  const progress = h("progress", { "aria-label": "Progress" });
  const busy = h("div", { className: "ke-row", hidden: true }, h("span"), progress);
  const table = h("details", {}, h("summary", {}, "Table"));
  table.addEventListener("toggle", () => drawTable());
  const side = h("div", { className: "ke-side" });
  const help = h("details", {}, h("summary", {}, "Keys"), h("dl", { className: "ke-keys" },
    ...KEYS.flatMap(([key, what]) => [h("dt", {}, key), h("dd", {}, what)])));
  const legend = h("p", { className: "ke-legend" }, "[ ] masked, drawn by the generator · ✎ written by you · ✓ caught: ",
    "replaced and noticed · ✗ missed · ! false alarm: original, taken for replaced · ≈ lucky: the original was drawn");
  el.classList.add("ke-view", "ke-tokens");
  el.setAttribute("data-lm-suppress-shortcuts", "true");
  el.setAttribute("role", "group");
  el.setAttribute("aria-label", "Replaced tokens");
  el.append(form, examples, bar, stage, rest, note, busy, side, legend, h("div", { className: "ke-row" }, table, help));

  const say = (sentence) => { if (note.textContent !== sentence) note.textContent = sentence; };
  const isPinned = (one) => get("pins").some(([word, piece]) => word === one.word && piece >= one.piece
    && piece < one.piece + one.last - one.first);
  const placesOf = (one) => Array.from({ length: one.last - one.first }, (_, i) => [one.word, one.piece + i]);
  const chosen = () => columns.slice(Math.min(at, anchor), Math.max(at, anchor) + 1);
  const cells = () => [...row.querySelectorAll(".ke-column")];

  /** The parts of one column, from top to bottom. */
  function partsOf(one) {
    const strip = get("strip")?.places, film = get("film"), other = get("compare"), thin = "ke-score ke-thin";
    const most = (values) => Math.max(...values.slice(one.first, one.last));
    const given = one.isMasked ? `[${one.shown}]` : one.isEdited && one.isReplaced ? `✎ ${one.shown}` : "·";
    const parts = [
      h("span", { className: one.isReplaced ? "ke-typed ke-gone" : "ke-typed" }, one.original),
      h("span", { className: one.isMasked ? "ke-drawn ke-hidden" : "ke-drawn" }, given + (isPinned(one) ? " ⚲" : "")),
    ];
    if (one.probability !== null) {
      parts.push(score(one.probability, "span", "ke-score"), h("span", { className: "ke-verdict" }));
    }
    if (other?.probabilities && one.probability !== null) {
      const theirs = most(other.probabilities), gap = Math.round(100 * (theirs - one.probability));
      parts.push(score(theirs, "span", "ke-score"),
        h("span", { className: "ke-gap" }, gap > 0 ? `+${gap}` : gap < 0 ? `−${-gap}` : "="));
    }
    if (strip) {
      const found = strip.filter((place) => place.position >= one.first && place.position < one.last);
      const top = sortedRows(found, "replaced", true)[0];
      parts.push(top ? score(top.replaced, "span", thin) : h("span", { className: "ke-thin" }, "…"),
        h("span", { className: "ke-guess" }, top ? top.guess : ""));
    }
    return [...parts, ...(film?.frames ?? []).map((frame) => score(most(frame.probabilities), "span", thin))];
  }

  function rowNames() {
    const found = ["you typed", "generator"], other = get("compare"), film = get("film");
    if (columns[0]?.probability !== null) found.push("replaced, %", "verdict");
    if (other?.probabilities && columns[0]?.probability !== null) found.push(other.name, "difference");
    if (get("strip")?.places) found.push("alone, %", "best guess");
    return [...found, ...(film?.frames ?? []).map((frame) => `step ${frame.step.toLocaleString("en")}`)];
  }

  function draw() {
    const trace = get("trace"), settings = get("settings");
    columns = trace ? columnsOf(trace, byPieces) : [];
    at = Math.max(0, Math.min(at, columns.length - 1));
    anchor = Math.max(0, Math.min(anchor, columns.length - 1));
    drawSettings(settings);
    const had = grid.contains(document.activeElement) && !editing;
    if (!editing) {
      row.replaceChildren(...columns.map((one) => h("div", {
        role: "gridcell",
        className: `ke-column${one.continues ? " ke-continues" : ""}${one.isUnknown ? " ke-unknown" : ""}`,
      }, ...partsOf(one))));
    } else refreshBesideEdit();
    bar.hidden = stage.hidden = legend.hidden = table.hidden = !columns.length;
    rest.replaceChildren();
    if (trace?.num_left_out) {
      const seen = trace.tokens.length - 2;
      rest.append(h("b", {}, `✂ first ${seen} of ${seen + trace.num_left_out} pieces are seen `),
        h("span", {}, trace.left_out.slice(0, 2000)));
    }
    examples.replaceChildren(...(settings.text ? [] : [h("span", {}, "Nothing to look into yet. Type a sentence, or try "),
      ...get("examples").map((one) => h("button", {
        type: "button", className: "ke-button", onclick: () => send("run", { text: one }),
      }, one))]));
    drawVerdicts();
    drawChosen();
    drawLabels();
    drawSide();
    drawTable();
    if (had || isFocusWanted) { isFocusWanted = false; cells()[at]?.focus(); }
  }

  function drawSettings(settings) {
    const put = (box, value) => { if (document.activeElement !== box) box.value = value ?? ""; };
    put(text, settings.text);
    put(rate, Math.round(100 * settings.mask_rate));
    put(seed, settings.seed);
    put(temperature, settings.temperature);
    put(topK, settings.top_k);
    greedy.checked = settings.is_greedy;
    for (const [radio] of radios) {
      radio.checked = radio.value === settings.masking;
      const why = radio.value === "none" ? "" : can("mask") || (radio.value === "places" ? "" : can(radio.value));
      radio.disabled = Boolean(why);
      radio.parentNode.title = why && `off: ${why}`;
    }
    const turn = (node, why) => {
      node.about ??= node.title;
      node.disabled = Boolean(why);
      node.title = why ? `off: ${why}` : node.about;
    };
    for (const node of [dice, sample, seed]) turn(node, can("sample"));
    for (const node of [temperature, topK, greedy]) turn(node, can("draw"));
    turn(rate, ["random", "words", "hardest"].includes(settings.masking) ? "" : "no places are chosen by share");
    turn(undo, get("can_undo") ? "" : "nothing was done");
    turn(redo, get("can_redo") ? "" : "nothing was undone");
    history.replaceChildren(...get("history").map((one) => h("option", { selected: one.is_now }, one.label)));
  }

  function drawVerdicts() {
    const limit = get("threshold");
    slider.value = limit;
    slider.setAttribute("aria-valuetext", `${percent(limit)} percent`);
    threshold.textContent = ` ${percent(limit)} % `;
    counts.textContent = countSentence(columns, limit, get("tries"));
    cells().forEach((node, index) => {
      const one = columns[index];
      const word = verdict(one.isReplaced, one.isMasked, one.probability, limit);
      node.dataset.verdict = word;
      const line = node.querySelector(".ke-verdict");
      if (line) line.textContent = word ? `${SIGNS[word]} ${word}` : "";
      if (!node.querySelector("input")) node.setAttribute("aria-label", nameOf(one, limit, isPinned(one)));
    });
  }

  function drawChosen() {
    const low = Math.min(at, anchor), high = Math.max(at, anchor);
    cells().forEach((node, index) => {
      node.tabIndex = index === at ? 0 : -1;
      node.setAttribute("aria-selected", String(index >= low && index <= high));
    });
  }

  /** Names of the rows, once for each line that the columns were broken into. */
  function drawLabels() {
    const nodes = cells(), names = rowNames(), done = new Set();
    labels.replaceChildren();
    for (const node of nodes) {
      if (done.has(node.offsetTop)) continue;
      done.add(node.offsetTop);
      names.forEach((name, i) => {
        const part = node.children[i], label = h("span", {}, name);
        if (!part) return;
        label.style.top = `${node.offsetTop + part.offsetTop}px`;
        label.style.height = `${part.offsetHeight}px`;
        labels.append(label);
      });
    }
  }

  // What is below the rows

  const section = (title, ...parts) => h("section", { "aria-label": title }, h("b", {}, title), ...parts);
  const numeric = (value) => h("td", { className: "ke-number" }, String(value));

  function drawSide() {
    const parts = [];
    const found = get("candidates"), game = get("game");
    if (found && columns.length) parts.push(drawCandidates(found));
    if (game) parts.push(drawGame());
    const kept = side.querySelector(":focus")?.dataset.key;
    side.replaceChildren(...parts);
    if (kept) [...side.querySelectorAll("[data-key]")].find((node) => node.dataset.key === kept)?.focus();
    const job = get("job");
    busy.hidden = !job;
    if (job) {
      busy.firstChild.textContent = `${job.name} `;
      progress.max = job.total || 1;
      progress.value = job.done;
    }
  }

  function drawCandidates(found) {
    const [by, isDescending] = sorting;
    const sorter = (name, label) => h("th", {
      scope: "col", className: "ke-number", "aria-sort": by === name ? (isDescending ? "descending" : "ascending") : "none",
    }, h("button", {
      type: "button", className: "ke-sort", "data-key": name,
      onclick: () => { sorting = [name, by === name ? !isDescending : name === "probability"]; drawSide(); },
    }, label));
    const best = found.rows[found.best];
    const rows = sortedRows(found.rows, by, isDescending).map((one) => {
      const marks = [one.is_original && "original", one.is_shown && "stands here", one === best && "fools best"];
      return [h("button", {
        type: "button", className: "ke-put", "data-key": `put ${one.token}`, title: "Put it in",
        onclick: () => send("put", { place: found.place, token: one.token }),
      }, one.token), numeric((100 * one.probability).toFixed(1)), numeric(one.rank), score(one.replaced),
      marks.filter(Boolean).join(", ")];
    });
    const shown = found.rows.find((one) => one.is_shown), original = found.rows.find((one) => one.is_original);
    const rank = shown && !shown.is_original ? `rank of “${shown.token}”: ${shown.rank} · ` : "";
    return section(`In place of “${found.original}”`,
      h("p", { className: "ke-quiet" }, rank + (original ? `rank of the original: ${original.rank}` : "")),
      sheet(["candidate", sorter("probability", "generator, %"), sorter("rank", "rank"), sorter("replaced", "replaced, %"), "note"],
        rows));
  }

  function drawGame() {
    const tries = get("tries"), limit = get("threshold");
    const rows = sortedRows(tries, "probability", false).map((one) => [
      one.probability < limit ? "★ fooled" : "✓ caught", one.from, one.to, score(one.probability), numeric(one.rank ?? "–")]);
    return section("Fool it!",
      h("p", {}, "F2: change one word so that the sentence still makes sense and the discriminator does not notice. ",
        "The rank says how sensible the generator finds it."),
      h("p", { role: "status" }, h("b", {}, `fooled ${tries.filter((one) => one.probability < limit).length} of ${tries.length}`)),
      tries.length ? sheet(["outcome", "from", "to", "replaced, %", "generator’s rank"], rows) : null);
  }

  function drawTable() {
    if (!table.open) return;
    table.replaceChildren(table.firstElementChild, sheet(rowNames(),
      cells().map((node) => [...node.children].map((part) => part.textContent))));
  }

  // Moving, choosing, editing

  function move(index, isExtending) {
    if (index < 0 || index >= columns.length) return;
    at = index;
    if (!isExtending) anchor = index;
    drawChosen();
    cells()[at].focus();
    look();
  }

  /** Ask for the candidates of the present place, once the user stays on it. */
  function look() {
    clearTimeout(lookTimer);
    const one = columns[at];
    if (!one || can("candidates") || lookedAt === `${one.word} ${one.piece}`) return;
    lookTimer = setTimeout(() => {
      lookedAt = `${one.word} ${one.piece}`;
      send("look", { place: [one.word, one.piece] });
    }, QUIET_MS);
  }

  /** The column above or below, nearest in the line. */
  function vertical(direction) {
    const nodes = cells(), here = nodes[at];
    const tops = [...new Set(nodes.map((node) => node.offsetTop))];
    const top = tops[tops.indexOf(here.offsetTop) + direction];
    const away = (node) => Math.abs(2 * (node.offsetLeft - here.offsetLeft) + node.offsetWidth - here.offsetWidth);
    const line = nodes.filter((node) => node.offsetTop === top).sort((a, b) => away(a) - away(b));
    return line.length ? nodes.indexOf(line[0]) : at;
  }

  function mask(isMasked) {
    const why = can("mask");
    if (why) { say(`Masking is off: ${why}`); return; }
    const some = chosen();
    send("mask", { places: some.flatMap(placesOf), is_masked: isMasked ?? !some.every((one) => one.isMasked) });
  }

  function edit(index) {
    const why = can("edit"), one = columns[index];
    if (why) { say(`Editing is off: ${why}`); return; }
    const node = cells()[index], found = get("candidates"), word = get("trace").words[one.word], start = word.edited ?? word.text;
    const list = h("datalist", { id: `${view}-list` }, ...(found?.place[0] === one.word ? found.rows : []).map(
      (each) => h("option", { value: each.token })));
    const box = h("input", { className: "ke-edit", "aria-label": `Write in place of ${word.text}`, value: start });
    box.setAttribute("list", list.id);
    const end = (isKept, isFocused) => {
      if (editing !== box) return;
      clearTimeout(timer);
      editing = null;
      isFocusWanted = isFocused;
      send("edit", { word: one.word, text: isKept && box.value.trim() ? box.value : null, is_final: true });
      draw();
    };
    box.addEventListener("input", () => later(() => {
      if (box.value.trim()) send("edit", { word: one.word, text: box.value, is_final: false });
    }, QUIET_MS));
    box.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.key === "Enter" || event.key === "Escape") end(event.key === "Enter", true);
    });
    box.addEventListener("blur", () => end(box.value !== start, false));
    at = anchor = index;
    drawChosen();
    editing = box;
    node.removeAttribute("aria-label");
    node.firstElementChild.replaceChildren(box, list);
    box.focus();
    box.select();
  }

  /** Redraw the numbers while a box is open: a box that leaves the page, if only to return, is left. */
  function refreshBesideEdit() {
    const nodes = cells();
    if (nodes.length !== columns.length) return;
    nodes.forEach((node, i) => {
      [...node.children].slice(1).forEach((part) => part.remove());
      node.append(...partsOf(columns[i]).slice(1));
    });
  }

  const actions = {
    ArrowRight: (event) => move(at + 1, event.shiftKey), ArrowLeft: (event) => move(at - 1, event.shiftKey),
    ArrowDown: (event) => move(vertical(1), event.shiftKey), ArrowUp: (event) => move(vertical(-1), event.shiftKey),
    Home: (event) => move(0, event.shiftKey), End: (event) => move(columns.length - 1, event.shiftKey),
    Enter: () => mask(), Delete: () => mask(true), F2: () => edit(at),
    r: () => (can("sample") ? say(`Sampling is off: ${can("sample")}`) : send("sample")),
    t: () => send("pin", { places: chosen().flatMap(placesOf) }),
    ".": () => move(nextSuspicious(columns, at, 1, get("threshold")), false),
    ",": () => move(nextSuspicious(columns, at, -1, get("threshold")), false),
  };
  grid.addEventListener("keydown", (event) => {
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (event.ctrlKey || event.metaKey || event.altKey || !actions[key] || !columns.length) return;
    event.preventDefault();
    actions[key](event);
  });
  const keys = (event) => {
    const isControl = event.ctrlKey || event.metaKey, key = event.key.toLowerCase();
    if (isControl && key === "enter") { clearTimeout(timer); send("run", { text: text.value }); event.preventDefault(); }
    if (isControl && (key === "z" || key === "y") && grid.contains(event.target)) {
      send(key === "y" || event.shiftKey ? "redo" : "undo");
      event.preventDefault();
    }
    if (key === "escape") {
      document.activeElement.blur();
      el.closest(".jp-Notebook")?.focus();
    }
    // The host's one-letter shortcuts must not see what is typed here.
    event.stopPropagation();
  };
  el.addEventListener("keydown", keys);
  const indexAt = (event) => cells().indexOf(event.target.closest?.(".ke-column"));
  row.addEventListener("pointerdown", (event) => {
    const index = indexAt(event);
    if (index < 0 || editing || event.button) return;
    drag = { from: index };
    at = index;
    if (!event.shiftKey) anchor = index;
    drawChosen();
  });
  row.addEventListener("pointerover", (event) => {
    const index = indexAt(event);
    if (!drag || index < 0 || index === at) return;
    at = index;
    drawChosen();
  });
  row.addEventListener("click", (event) => {
    if (indexAt(event) < 0 || editing || event.detail > 1) return;
    drag = null;
    cells()[at].focus();
    mask();
    look();
  });
  row.addEventListener("dblclick", (event) => { if (indexAt(event) >= 0 && !editing) edit(indexAt(event)); });
  row.addEventListener("focusin", (event) => {
    const index = indexAt(event);
    if (index >= 0 && index !== at) { at = anchor = index; drawChosen(); }
    look();
  });
  const release = () => {
    if (drag && at !== drag.from) mask();
    drag = null;
  };
  window.addEventListener("pointerup", release);

  const changes = {
    trace: () => { lookedAt = ""; draw(); }, settings: draw, reasons: draw, pins: draw, examples: draw, compare: draw,
    film: draw, strip: draw, threshold: () => { drawVerdicts(); if (get("game")) drawSide(); },
    note: () => say(get("note")), candidates: drawSide, game: drawSide, history: draw, job: drawSide,
    tries: () => { drawVerdicts(); drawSide(); }, can_undo: draw, can_redo: draw, 
    heard: () => { clearTimeout(silence); say(get("note")); },
  };
  for (const [name, change] of Object.entries(changes)) model.on(`change:${name}`, change);
  const sizes = new ResizeObserver(drawLabels);
  sizes.observe(grid);
  draw();
  say(get("note"));
  return () => {
    for (const [name, change] of Object.entries(changes)) model.off(`change:${name}`, change);
    for (const one of [timer, silence, lookTimer]) clearTimeout(one);
    window.removeEventListener("pointerup", release);
    el.removeEventListener("keydown", keys);
    sizes.disconnect();
  };
}

export default { render };
