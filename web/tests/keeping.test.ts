import assert from "node:assert/strict";
import { test } from "node:test";
import { packed, unpacked } from "../src/keeping.ts";

const pad = (key: number) => ({
  key,
  classes: ["kick"],
  label: "kick drum",
  choke: 0,
  id: null,
  probability: null,
});
const layouts = [{ name: "8", pads: [pad(36), pad(38)] }];
const pads = {
  layout: "8",
  pads: [{ ...pad(36), id: 7 }, pad(38)],
  locked: new Set([36]),
  steps: { 36: [true, false] },
};
const tempo = { bpm: 120, swing: 0.3 };

test("pads that were kept are as they were", () => {
  const found = unpacked(packed(pads, tempo), layouts, () => true)!;
  assert.deepEqual(found, { pads, tempo });
});

test("a sound that is gone leaves its pad empty", () => {
  const found = unpacked(packed(pads, tempo), layouts, () => false)!;
  assert.deepEqual(
    found.pads.pads.map((one) => one.id),
    [null, null],
  );
});

test("what is no kit is not used", () => {
  for (const text of [null, "", "null", "{", "7", "{}", '{"layout": "no"}'])
    assert.equal(
      unpacked(text, layouts, () => true),
      null,
    );
});
