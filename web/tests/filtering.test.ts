import assert from "node:assert/strict";
import { test } from "node:test";
import {
  compute,
  firstDay,
  NOT_SEARCHED,
  sorted,
  splitWords,
  toBody,
  withRange,
} from "../src/filtering.ts";
import { NO_FILTERS } from "../src/state.ts";
import { points, random } from "./points.ts";

const CLASSES = ["kick", "snr", "hhc", "cym"];

test("what is shown is what a plain comparison of each sound gives", () => {
  const all = points(2_000, 3);
  const next = random(5);
  const maybe = <T>(value: T): T | null => (next() < 0.5 ? value : null);
  for (let round = 0; round < 60; round++) {
    const low = maybe(Math.floor(next() * 4));
    const high = maybe(Math.floor(next() * 4));
    const filters = {
      ...NO_FILTERS,
      classes: CLASSES.filter(() => next() < 0.3),
      ranges: withRange({}, "duration_s", [low, high]),
      probability: maybe(50 + Math.floor(next() * 50)),
      percussion: maybe(Math.floor(next() * 100)),
      unheard: next() < 0.3,
    };
    const names = maybe(all.id.filter(() => next() < 0.5));
    const named = new Set(names);
    const searched = { ids: names, understood: [], problem: null, of: "" };
    const found = compute(all, filters, searched, CLASSES);
    let count = 0;
    for (let row = 0; row < all.length; row++) {
      const length = all.facet("duration_s")[row];
      const expected =
        (!names || named.has(all.id[row])) &&
        (!filters.classes.length || filters.classes.includes(CLASSES[all.cls[row]])) &&
        (low === null || length >= 2 * low + 1) &&
        (high === null || length <= 2 * high + 1) &&
        (filters.probability === null || all.probability[row] >= 2 * filters.probability + 1) &&
        (filters.percussion === null || all.percussion[row] >= 2 * filters.percussion + 1) &&
        (!filters.unheard || !(all.flags[row] & 4));
      assert.equal(found.mask[row] === 1, expected);
      count += found.mask[row];
    }
    assert.equal(found.count, count);
    const chosen = filters.classes.length ? filters.classes : CLASSES;
    const sum = chosen.reduce((total, code) => total + found.byClass[CLASSES.indexOf(code)], 0);
    assert.equal(sum, count);
  }
});

test("names that were found are of the same sounds when rows are others", () => {
  const all = points(100);
  const ids = all.id.slice(10, 13);
  const searched = { ...NOT_SEARCHED, ids };
  const shownOf = (of: typeof all) => {
    const { mask } = compute(of, NO_FILTERS, searched, CLASSES);
    return [...of.id.filter((_, row) => mask[row])].sort();
  };
  const turned = Object.fromEntries(
    Object.entries(all.columns).map(([name, column]) => [name, column.slice().reverse()]),
  );
  const header = { ...all.header, whole: true };
  const others = all.replacedBy({ header, length: 100, columns: turned }).points;
  assert.deepEqual(shownOf(all), [...ids].sort());
  assert.deepEqual(shownOf(others), [...ids].sort());
});

test("unknown: a facet that is asked for fails, percussion passes", () => {
  const all = points(2);
  all.facet("duration_s").set([0xffff, 8]);
  all.percussion.set([0xff, 0]);
  const by = (filters: object) => [
    ...compute(all, { ...NO_FILTERS, ...filters }, NOT_SEARCHED, CLASSES).mask,
  ];
  assert.deepEqual(by({ ranges: { duration_s: [0, null] } }), [0, 1]);
  assert.deepEqual(by({ ranges: { duration_s: [null, 3] } }), [0, 0]);
  assert.deepEqual(by({ percussion: 50 }), [1, 0]);
});

test("classes of the search box are added to those that are chosen; a minus takes them away", () => {
  const all = points(500, 8);
  const said = (word: string, not: boolean) => ({ word, classes: [word], not });
  const searched = {
    ids: null,
    understood: [said("snr", false), said("cym", true)],
    problem: null,
    of: "",
  };
  const { mask } = compute(all, { ...NO_FILTERS, classes: ["kick", "cym"] }, searched, CLASSES);
  for (let row = 0; row < all.length; row++) assert.equal(mask[row], all.cls[row] < 2 ? 1 : 0);
});

test("the server is sent the numbers that the slider stands at", () => {
  const body = toBody(
    {
      ...NO_FILTERS,
      text: 'snare "big room" -vinyl',
      ranges: { duration_s: [1, null] },
      probability: 80,
    },
    points(1),
  );
  assert.deepEqual(body, {
    words: ["snare", "big room"],
    without: ["vinyl"],
    classes: [],
    min_prob: 0.8,
    min_duration_s: 0.2,
  });
});

test("words", () => {
  assert.deepEqual(splitWords('  a -b "c d" -"e f" - '), {
    words: ["a", "c d"],
    without: ["b", "e f"],
  });
  assert.deepEqual(splitWords('"open'), { words: ["open"], without: [] });
});

test("today is the whole day, wherever that is", () => {
  const zone = process.env.TZ;
  for (const TZ of ["UTC", "America/Los_Angeles", "Asia/Tokyo", "Pacific/Kiritimati"]) {
    process.env.TZ = TZ;
    for (let hour = 0; hour < 24; hour++) {
      const now = new Date(2026, 5, 3, hour, 30);
      const day = (at: Date) => Math.floor(at.getTime() / 86_400_000);
      assert.ok(day(new Date(2026, 5, 3, 0, 0)) >= firstDay(1, now), TZ);
      assert.ok(day(new Date(2026, 5, 2, 0, 0)) < firstDay(1, now), TZ);
      assert.equal(firstDay(7, now), firstDay(1, now) - 6);
    }
  }
  if (zone === undefined) delete process.env.TZ;
  else process.env.TZ = zone;
});

test("sorting keeps equal ones in order, and puts unknown ones last both ways", () => {
  const keys = Uint16Array.of(3, 0xffff, 1, 3, 2, 1);
  const mask = Uint8Array.of(1, 1, 1, 1, 0, 1);
  assert.deepEqual([...sorted(mask, 5, keys, false, 0xffff)], [2, 5, 0, 3, 1]);
  assert.deepEqual([...sorted(mask, 5, keys, true, 0xffff)], [0, 3, 2, 5, 1]);
});
