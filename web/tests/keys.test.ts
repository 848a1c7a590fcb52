import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { withTable } from "./keys.ts";

const { KEYS, nameOf } = await import("../src/keys.ts");

test("docs/serve.md has all keys; if not: node build.mjs --keys", async () => {
  const page = await readFile("../docs/serve.md", "utf8");
  assert.equal(page, await withTable(page));
});

test("no key does two things", () => {
  const names = KEYS.flatMap((key) => key.keys);
  assert.deepEqual(names, [...new Set(names)]);
});

test("keys are named as keyboards send them", () => {
  const event = (key: string, code: string, more: object = {}) =>
    ({
      key,
      code,
      shiftKey: false,
      ctrlKey: false,
      metaKey: false,
      altKey: false,
      ...more,
    }) as KeyboardEvent;
  assert.equal(nameOf(event("s", "KeyS")), "S");
  assert.equal(nameOf(event("S", "KeyS", { shiftKey: true })), "Shift+S");
  assert.equal(nameOf(event("?", "Slash", { shiftKey: true })), "?");
  assert.equal(nameOf(event("/", "Digit7", { shiftKey: true })), "/", "a German keyboard");
  assert.equal(nameOf(event("!", "Digit1", { shiftKey: true })), "Shift+1");
  assert.equal(nameOf(event("z", "KeyZ", { metaKey: true })), "Ctrl+Z");
  assert.equal(nameOf(event("Z", "KeyZ", { metaKey: true, shiftKey: true })), "Shift+Ctrl+Z");
  assert.equal(nameOf(event(" ", "Space")), "Space");
  assert.equal(nameOf(event("ArrowDown", "ArrowDown", { shiftKey: true })), "Shift+ArrowDown");
});
