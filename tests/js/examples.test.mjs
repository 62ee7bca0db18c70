import assert from "node:assert/strict";
import test from "node:test";
import { load } from "./load.mjs";

const { nextPlace, placeSentence, spoken } = await load("examples");

test("where the page is, in words", () => {
  assert.equal(placeSentence(0, 20, 133, 133), "1 to 20 of 133");
  assert.equal(placeSentence(40, 20, 133, 1000), "41 to 60 of 133 that fit, 1,000 in all");
  assert.equal(placeSentence(0, 0, 0, 1000), "none of 1,000 examples fits");
  assert.equal(placeSentence(0, 0, 0, 0), "no examples");
});

test("keys lead to examples, and stop at both ends", () => {
  assert.equal(nextPlace("j", 3, 50, 20), 4);
  assert.equal(nextPlace("J", 3, 50, 20), 4);
  assert.equal(nextPlace("ArrowUp", 0, 50, 20), 0);
  assert.equal(nextPlace("PageDown", 45, 50, 20), 49);
  assert.equal(nextPlace("Home", 45, 50, 20), 0);
  assert.equal(nextPlace("End", 0, 50, 20), 49);
  assert.equal(nextPlace("a", 0, 50, 20), null);
  assert.equal(nextPlace("Enter", 0, 50, 20), null);
});

test("an example is spoken with all that its colours say", () => {
  const example = { verdict: "wrong", right: "no", given: "yes", confidence: 0.804, is_flagged: true };
  assert.equal(spoken(example), "wrong, right: no, given: yes, 80 percent sure, flagged");
  assert.equal(spoken({ ...example, confidence: null, is_flagged: false }), "wrong, right: no, given: yes");
});
