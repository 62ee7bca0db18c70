import assert from "node:assert/strict";
import { test } from "node:test";

import { load } from "./load.mjs";

const tokens = await load("tokens");
const suspects = await load("suspects");

const TRACE = {
  tokens: ["[CLS]", "the", "chef", "cook", "##ed", "[UNK]", "[SEP]"],
  corrupted_tokens: ["[CLS]", "the", "boss", "cook", "##s", "[UNK]", "[SEP]"],
  mask_positions: [1, 4],
  is_replaced: [false, false, true, false, true, true, false],
  probabilities: [0, 0.1, 0.8, 0.2, 0.6, 0.3, 0],
  words: [
    { text: "The", first: 1, last: 2, edited: null },
    { text: "chef", first: 2, last: 3, edited: "boss" },
    { text: "cooked", first: 3, last: 5, edited: null },
    { text: "stew", first: 5, last: 6, edited: "😀" },
    { text: "cut", first: 6, last: 6, edited: null },
  ],
};

test("a column for each word that is seen", () => {
  const columns = tokens.columnsOf(TRACE, false);
  assert.deepEqual(columns.map((one) => one.shown), ["the", "boss", "cooks", "😀"]);
  assert.deepEqual(columns.map((one) => one.original), ["The", "chef", "cooked", "stew"]);
  assert.deepEqual(columns.map((one) => one.probability), [0.1, 0.8, 0.6, 0.3]);
  assert.deepEqual(columns.map((one) => one.isMasked), [true, false, true, false]);
  assert.equal(columns[3].isUnknown, true);
});

test("a column for each piece", () => {
  const columns = tokens.columnsOf(TRACE, true);
  assert.deepEqual(columns.map((one) => [one.word, one.piece]), [[0, 0], [1, 0], [2, 0], [2, 1], [3, 0]]);
  assert.deepEqual(columns.map((one) => one.continues), [false, false, false, true, false]);
  assert.equal(columns[3].shown, "s");
});

test("counts and their sentence follow the threshold", () => {
  const columns = tokens.columnsOf(TRACE, false);
  assert.equal(tokens.countSentence(columns, 0.5), "caught 2 of 3 · false alarms 0 of 1 · lucky 1");
  assert.equal(tokens.countSentence(columns, 0.05), "caught 3 of 3 · false alarms 1 of 1");
  const tries = [{ probability: 0.8 }, { probability: 0.2 }];
  assert.match(tokens.countSentence(columns, 0.5, tries), /your edits caught 1 of 2$/);
  assert.equal(tokens.countSentence([], 0.5), "");
  const without = tokens.columnsOf({ ...TRACE, probabilities: null }, false);
  assert.match(tokens.countSentence(without, 0.5), /no discriminator/);
});

test("names are whole sentences for a screen reader", () => {
  const [the, boss, cooked, stew] = tokens.columnsOf(TRACE, false);
  assert.equal(tokens.nameOf(the, 0.5), "the, masked, the generator drew the original, probability 10 percent, lucky");
  assert.equal(tokens.nameOf(boss, 0.5), "boss, written by you, original chef, probability 80 percent, caught");
  assert.equal(
    tokens.nameOf(cooked, 0.7, true),
    "cooks, replaced by generator, original cooked, probability 60 percent, missed, pinned",
  );
  assert.match(tokens.nameOf(stew, 0.5), /not in the vocabulary/);
});

test("suspicious tokens are found around the end", () => {
  const columns = tokens.columnsOf(TRACE, false);
  assert.equal(tokens.nextSuspicious(columns, 0, 1, 0.5), 1);
  assert.equal(tokens.nextSuspicious(columns, 2, 1, 0.5), 1);
  assert.equal(tokens.nextSuspicious(columns, 1, -1, 0.5), 2);
  assert.equal(tokens.nextSuspicious(columns, 1, 1, 0.99), -1);
});

test("rows are sorted, those without a number last", () => {
  const rows = [{ p: 2 }, { p: null }, { p: 3 }];
  assert.deepEqual(tokens.sortedRows(rows, "p", true).map((one) => one.p), [3, 2, null]);
  assert.deepEqual(tokens.sortedRows(rows, "p", false).map((one) => one.p), [2, 3, null]);
  assert.equal(rows[0].p, 2);
});

test("pieces are joined to words", () => {
  assert.equal(tokens.joined(["cook", "##ed"]), "cooked");
  assert.equal(tokens.joined(["##ed", "cat"]), "ed·cat");
});

test("a suspect stands in its context", () => {
  const text = `${"a ".repeat(40)}chef${" b".repeat(40)}`;
  const [before, word, after] = suspects.context({ text, start: 80, end: 84 });
  assert.equal(word, "chef");
  assert.ok(before.startsWith("… ") && after.endsWith(" …"));
  assert.deepEqual(suspects.context({ text: "a chef b", start: 2, end: 6 }), ["a ", "chef", " b"]);
});
