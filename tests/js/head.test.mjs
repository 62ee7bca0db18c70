import assert from "node:assert/strict";
import test from "node:test";
import { load } from "./load.mjs";

const { hidingRule, isDark, staysInside } = await load("head");

test("keys that mean something to JupyterLab stay inside a panel", () => {
  const pressed = (key, more = {}) =>
    staysInside({ key, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, ...more });
  for (const key of ["a", "b", "d", "x", "z", " ", "Enter", "ArrowDown", "Delete", "PageUp"]) assert.ok(pressed(key), key);
  for (const key of ["Escape", "Tab", "F2"]) assert.ok(!pressed(key), key);
  assert.ok(!pressed("s", { ctrlKey: true }));
  assert.ok(!pressed("Enter", { shiftKey: true }));
});

test("a name in the hiding rule is a name", () => {
  assert.ok(!hidingRule('x"] * {} [').includes("{}"));
  assert.ok(hidingRule("RunMonitor-7").includes('[data-ke-static="RunMonitor-7"] { display: none; }'));
});

test("the host says whether the page is dark", () => {
  const page = (dataset, names = []) => ({
    body: { dataset, classList: { contains: (name) => names.includes(name) } },
    documentElement: { dataset: {}, classList: { contains: () => false } },
    defaultView: { matchMedia: () => ({ matches: true }) },
  });
  assert.equal(isDark(page({ jpThemeLight: "true" })), false);
  assert.equal(isDark(page({ jpThemeLight: "false" })), true);
  assert.equal(isDark(page({}, ["vscode-light"])), false);
  assert.equal(isDark(page({ theme: "dark" })), true);
  assert.equal(isDark(page({})), true);
});
