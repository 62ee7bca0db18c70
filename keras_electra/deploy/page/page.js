// The page: reads texts, asks the model, shows what it says.

import { openModel } from "./model.js";

const LEVELS = [[0.75, "high"], [0.5, "middle"], [0.25, "low"]];
const element = (id) => document.getElementById(id);

function say(sentence, isError = false) {
  element("status").textContent = sentence;
  element("status").classList.toggle("error", isError);
}

function make(name, text, attributes = {}) {
  const made = document.createElement(name);
  made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function percent(probability) {
  return `${(100 * probability).toFixed(1)} %`;
}

// The text with its suspicious tokens marked, and a table of the most suspicious ones.
function showDetection(text, { tokens, offsets, probabilities }) {
  const line = make("p", "", { class: "marked" });
  let written = 0;
  offsets.forEach(([start, end], place) => {
    const level = LEVELS.find(([least]) => probabilities[place] >= least);
    if (!level || start < written) return;
    line.append(text.slice(written, start));
    const mark = make("mark", text.slice(start, end), { class: level[1] });
    mark.title = `replaced: ${percent(probabilities[place])}`;
    mark.append(make("span", ` (${percent(probabilities[place])} replaced)`, { class: "unseen" }));
    line.append(mark);
    written = end;
  });
  line.append(text.slice(written));
  const order = tokens.map((_, place) => place).sort((a, b) => probabilities[b] - probabilities[a]);
  const rows = order.slice(0, 10).map((place) => [tokens[place], probabilities[place]]);
  element("result").replaceChildren(line, table("Most suspicious tokens", "token", rows));
}

function showJudgement({ rows, value, isCut }) {
  const shown =
    value === undefined
      ? table("Probabilities", "label", [...rows].sort((a, b) => b[1] - a[1]))
      : make("p", value.toFixed(3), { class: "value" });
  element("result").replaceChildren(shown);
  if (isCut) element("result").append(make("p", "The text was cut to the model's length."));
}

function table(caption, title, rows) {
  const made = document.createElement("table");
  made.append(make("caption", caption));
  const head = made.createTHead().insertRow();
  for (const name of [title, "probability"]) head.append(make("th", name, { scope: "col" }));
  const body = made.createTBody();
  for (const [name, probability] of rows) {
    const row = body.insertRow();
    row.append(make("th", name, { scope: "row" }));
    const cell = row.insertCell();
    cell.append(make("meter", "", { min: 0, max: 1, value: probability, "aria-hidden": "true" }));
    cell.append(` ${percent(probability)}`);
  }
  return made;
}

async function start() {
  const model = await openModel();
  const isDetector = model.about.kind === "detection";
  element("purpose").textContent = isDetector
    ? "Marks the tokens that look as if they had been put in place of others."
    : `Judges a text: ${model.about.task}.`;
  if (!isDetector) element("second").hidden = false;
  element("judge").disabled = false;
  say("Ready.");
  element("form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const text = element("text").value;
    if (!text.trim()) return say("Expected a text, received none.", true);
    element("judge").disabled = true;
    say("Judging …");
    try {
      if (isDetector) showDetection(text, await model.detect(text));
      else showJudgement(await model.judge(text, element("second-text").value));
      say("Done.");
    } catch (error) {
      say(String(error), true);
    } finally {
      element("judge").disabled = false;
    }
  });
}

start().catch((error) => say(`The model could not be opened: ${error}`, true));
