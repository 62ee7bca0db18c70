import assert from "node:assert/strict";
import test from "node:test";

import { load } from "./load.mjs";

const { compared, nextSort, shown, sorted } = await load("table");

test("numbers are shown in few digits", () => {
  const expected = [[null, ""], [0.1234567, "0.1235"], [12345.678, "12,345.7"], [3, "3"], [1234567, "1,234,567"]];
  for (const [value, text] of expected) assert.equal(shown(value), text);
  assert.equal(shown(0.0001234), "0.0001234");
  assert.equal(shown(1e-7), "1e-07");
  assert.equal(shown(NaN), "NaN");
  assert.equal(shown("<b>"), "<b>");
});

test("nothing comes last whichever way a column is sorted", () => {
  const rows = [null, "b10", 3, "b9", -1].map((value) => ({ cells: [value] }));
  const cells = (sort) => sorted(rows, sort).map((row) => row.cells[0]);
  assert.deepEqual(cells({ column: 0, descending: false }), [-1, 3, "b9", "b10", null]);
  assert.deepEqual(cells({ column: 0, descending: true }), ["b10", "b9", 3, -1, null]);
  assert.deepEqual(cells(null), [null, "b10", 3, "b9", -1]);
  assert.equal(compared(null, null, true), 0);
});

test("a title sorts up, down, and as it came", () => {
  assert.deepEqual(nextSort(null, 1), { column: 1, descending: false });
  assert.deepEqual(nextSort({ column: 1, descending: false }, 1), { column: 1, descending: true });
  assert.equal(nextSort({ column: 1, descending: true }, 1), null);
  assert.deepEqual(nextSort({ column: 1, descending: true }, 0), { column: 0, descending: false });
});
