/** The words of a file that look replaced most, each a button that opens its line. */

const AROUND = 40;

/** What stands around a word of a line: `["… the ", "ate", " meal …"]`. */
export function context(row) {
  const from = Math.max(0, row.start - AROUND), to = Math.min(row.text.length, row.end + AROUND);
  return [
    (from > 0 ? "… " : "") + row.text.slice(from, row.start), row.text.slice(row.start, row.end),
    row.text.slice(row.end, to) + (to < row.text.length ? " …" : ""),
  ];
}

function element(tag, name, text) {
  const made = document.createElement(tag);
  if (name) made.className = name;
  if (text !== undefined) made.textContent = text;
  return made;
}

function render({ model, el }) {
  el.classList.add("ke-view", "ke-suspects");
  el.setAttribute("data-lm-suppress-shortcuts", "true");
  const draw = () => {
    const rows = model.get("rows");
    el.hidden = !rows.length;
    const table = element("table"), head = element("tr"), body = element("tbody");
    table.append(element("caption", "", model.get("title")), element("thead"), body);
    table.tHead.append(head);
    for (const title of ["line", "word", "replaced, %", "where it stands"]) {
      const cell = element("th", "", title);
      cell.scope = "col";
      head.append(cell);
    }
    for (const row of rows) {
      const line = element("tr"), word = element("td"), button = element("button", "ke-button", row.word);
      button.title = `Look into line ${row.line}`;
      button.onclick = () => model.send({ kind: "line", text: row.text });
      word.append(button);
      const score = element("td", "ke-number ke-score", String(Math.round(100 * row.replaced)));
      score.style.setProperty("--p", row.replaced);
      const where = element("td"), [before, inside, after] = context(row);
      where.append(before, element("mark", "", inside), after);
      line.append(element("td", "ke-number", String(row.line)), word, score, where);
      body.append(line);
    }
    el.replaceChildren(table);
  };
  model.on("change:rows change:title", draw);
  draw();
  return () => model.off("change:rows change:title", draw);
}

export default { render };
