/**
 * A table that can be sorted, and whose rows can be ticked.
 *
 * Traits: `caption`; `columns`, a list of {title, numeric}; `rows`, a list of {id, label, cells, note}, cells
 * in the order of the columns; `ticks`, whether rows can be ticked; `ticked`, ids; `pinned`, the id of
 * the row that others are compared with; `signs`, {id: {color, dash}}; `formats`, names of what can be copied.
 */

const DASHES = { solid: "", dot: "2 2", dash: "6 3", longdash: "10 4", dashdot: "6 3 2 3", longdashdot: "10 4 2 4" };

/** A cell as text: as `static_html.shown` of Python. @param {any} value */
export function shown(value) {
  if (value === null || value === undefined) return "";
  if (typeof value !== "number") return String(value);
  if (!Number.isFinite(value)) return String(value);
  if (Number.isInteger(value)) return value.toLocaleString("en-US");
  if (Math.abs(value) >= 1000) return value.toLocaleString("en-US", { minimumFractionDigits: 1, maximumFractionDigits: 1 });
  const text = value.toPrecision(4);
  if (!text.includes("e")) return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
  const [digits, power] = text.split("e");
  const sign = power.startsWith("-") ? "-" : "+";
  const shorter = digits.includes(".") ? digits.replace(/\.?0+$/, "") : digits;
  return `${shorter}e${sign}${power.replace(/[+-]/, "").padStart(2, "0")}`;
}

/** Which of two cells comes first: numbers before texts, nothing last whichever way. */
export function compared(a, b, descending) {
  const rank = (value) => (value === null || value === undefined ? 2 : typeof value === "number" ? 0 : 1);
  if (rank(a) !== rank(b)) {
    if (rank(a) === 2 || rank(b) === 2) return rank(a) - rank(b);
    return descending ? rank(b) - rank(a) : rank(a) - rank(b);
  }
  const order = rank(a) === 0 ? a - b : rank(a) === 1 ? String(a).localeCompare(String(b), "en", { numeric: true }) : 0;
  return order && descending ? -order : order;
}

/** Rows in the order of one column; as they came where they are equal, or for column null. */
export function sorted(rows, sort) {
  if (!sort || sort.column === null || sort.column === undefined) return rows;
  return [...rows].sort((a, b) => compared(a.cells[sort.column], b.cells[sort.column], sort.descending));
}

/** What a click on a column's title sorts by next: up, down, as it came. */
export function nextSort(sort, column) {
  if (!sort || sort.column !== column) return { column, descending: false };
  return sort.descending ? null : { column, descending: true };
}

function element(tag, name, text) {
  const made = document.createElement(tag);
  if (name) made.className = name;
  if (text !== undefined) made.textContent = text;
  return made;
}

/** A piece of the line that a row is drawn with: a gradient, since borders know two dashes only. */
function swatch(sign) {
  const made = element("span", "ke-swatch");
  made.setAttribute("aria-hidden", "true");
  const parts = (DASHES[sign.dash] || "30 0").split(" ").map(Number);
  const whole = parts.reduce((sum, part) => sum + part, 0);
  let at = 0;
  const stops = parts.map((part, place) => {
    const color = place % 2 ? "transparent" : sign.color;
    const stop = `${color} ${at}px ${at + part}px`;
    at += part;
    return stop;
  });
  made.style.background = `repeating-linear-gradient(to right, ${stops.join(", ")}) 0 0 / ${whole}px 100%`;
  return made;
}

function render({ model, el }) {
  el.classList.add("ke-table", "ke-view");
  let sort = null;
  let focused = null;
  const scroll = element("div", "ke-scroll");
  scroll.tabIndex = 0;
  scroll.setAttribute("role", "region");
  const table = element("table");
  const bar = element("div", "ke-bar");
  const told = element("span", "ke-quiet");
  told.setAttribute("role", "status");
  const copy = element("textarea", "ke-copy");
  copy.readOnly = true;
  copy.hidden = true;
  copy.setAttribute("aria-label", "The table as text");
  scroll.append(table);
  el.append(scroll, bar, copy);

  const tick = (id, on) => {
    const ticked = model.get("ticked").filter((one) => one !== id);
    model.set("ticked", on ? [...ticked, id] : ticked);
    model.save_changes();
  };
  const boxes = () => [...table.querySelectorAll("input[type=checkbox]")];
  const focus = (box) => {
    if (!box) return;
    for (const one of boxes()) one.tabIndex = one === box ? 0 : -1;
    focused = box.dataset.id;
    box.focus();
  };

  const titleRow = () => {
    const row = element("tr");
    if (model.get("ticks")) {
      const corner = element("th", "", "shown");
      corner.scope = "col";
      row.append(corner);
    }
    model.get("columns").forEach((column, place) => {
      const cell = element("th", column.numeric ? "ke-number" : "");
      cell.scope = "col";
      const way = sort?.column === place ? (sort.descending ? "descending" : "ascending") : "none";
      cell.setAttribute("aria-sort", way);
      const sign = { ascending: " ▲", descending: " ▼", none: "" }[way];
      const button = element("button", "ke-sort", column.title + sign);
      button.title = `Sort by ${column.title}`;
      button.onclick = () => {
        sort = nextSort(sort, place);
        draw();
        table.querySelectorAll("button.ke-sort")[place]?.focus();
      };
      cell.append(button);
      row.append(cell);
    });
    return row;
  };

  const bodyRow = (row) => {
    const line = element("tr");
    const isPinned = model.get("pinned") === row.id;
    if (isPinned) line.className = "ke-pinned";
    if (model.get("ticks")) {
      const cell = element("td");
      const label = element("label", "ke-tick");
      const box = element("input");
      box.type = "checkbox";
      box.dataset.id = row.id;
      box.checked = model.get("ticked").includes(row.id);
      box.disabled = row.cannot_tick === true;
      box.tabIndex = -1;
      box.setAttribute("aria-label", `show ${row.label}${isPinned ? ", the one compared with" : ""}`);
      box.onchange = () => { focused = row.id; tick(row.id, box.checked); };
      label.append(box);
      const sign = model.get("signs")[row.id];
      if (sign) label.append(swatch(sign));
      if (isPinned) label.append(element("span", "", "baseline"));
      cell.append(label);
      line.append(cell);
    }
    row.cells.forEach((value, place) => {
      const cell = element("td", model.get("columns")[place]?.numeric ? "ke-number" : "", shown(value));
      line.append(cell);
    });
    if (row.note) line.title = row.note;
    return line;
  };

  const draw = () => {
    const hadFocus = table.contains(document.activeElement) && document.activeElement.type === "checkbox";
    table.replaceChildren();
    const caption = element("caption", "", model.get("caption"));
    scroll.setAttribute("aria-label", model.get("caption") || "table");
    const head = element("thead");
    head.append(titleRow());
    const body = element("tbody");
    body.append(...sorted(model.get("rows"), sort).map(bodyRow));
    table.append(caption, head, body);
    const all = boxes();
    const current = all.find((box) => box.dataset.id === focused) ?? all.find((box) => !box.disabled);
    if (current) current.tabIndex = 0;
    if (hadFocus && current) current.focus();
    bar.replaceChildren(
      ...model.get("formats").map((format) => {
        const button = element("button", "ke-button", `Copy as ${format}`);
        button.onclick = () => model.send({ kind: "copy", format });
        return button;
      }),
      told,
    );
  };

  table.addEventListener("keydown", (event) => {
    const box = event.target.closest("input[type=checkbox]");
    if (!box) return;
    const all = boxes().filter((one) => !one.disabled);
    const place = all.indexOf(box);
    const next = { ArrowDown: place + 1, ArrowUp: place - 1, Home: 0, End: all.length - 1 }[event.key];
    if (next !== undefined) {
      focus(all[Math.max(0, Math.min(all.length - 1, next))]);
    } else if (event.key === "b" || event.key === "B") {
      focused = box.dataset.id;
      model.set("pinned", model.get("pinned") === box.dataset.id ? "" : box.dataset.id);
      model.save_changes();
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  });

  const hear = async (message) => {
    if (message.kind !== "copy") return;
    copy.value = message.text;
    try {
      await navigator.clipboard.writeText(message.text);
      told.textContent = `Copied as ${message.format}.`;
    } catch {
      copy.hidden = false;
      copy.focus();
      copy.select();
      told.textContent = "Selected: press Ctrl+C to copy it.";
    }
  };

  draw();
  const names = ["caption", "columns", "rows", "ticks", "ticked", "pinned", "signs", "formats"];
  for (const name of names) model.on(`change:${name}`, draw);
  model.on("msg:custom", hear);
  return () => {
    for (const name of names) model.off(`change:${name}`, draw);
    model.off("msg:custom", hear);
  };
}

export default { render };
