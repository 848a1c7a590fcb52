// Finding: the page and the library agree; the keyboard reaches everything.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import type { Browser } from "playwright-core";
import { compute, NOT_SEARCHED, toBody, withRange } from "../src/filtering.ts";
import { Points } from "../src/points.ts";
import { NO_FILTERS } from "../src/state.ts";
import type { LibraryInfo } from "../src/types.ts";
import { random } from "../tests/points.ts";
import {
  ask,
  assertFaultless,
  copyOf,
  launch,
  type Opened,
  open,
  pointsOf,
  type Server,
  serve,
  until,
} from "./support.ts";

let server: Server;
let browser: Browser;
let opened: Opened;

const db = copyOf("db");

before(async () => {
  server = await serve(db);
  browser = await launch();
  opened = await open(browser, server.address);
});
after(async () => {
  await browser.close();
  await server.stop();
});

const shown = async () =>
  Number((await opened.page.locator(".count b").textContent())!.replace(/\D/g, ""));

test("the search box finds what the library finds", async () => {
  const { page } = opened;
  const whole = await shown();
  for (const [words, isLess] of [
    ["kick", true],
    ["open hat", true],
    ["kick snare", true],
    ["-kick", true],
    ["level", true],
    ["kick -level", true],
    ['"kick01 0"', true],
  ] as const) {
    await page.locator("[data-search]").fill(words);
    await page.waitForTimeout(400);
    const count = await shown();
    assert.ok(count > 0 && (!isLess || count < whole), `${words}: ${count}`);
    const text = await page.locator(".words").textContent();
    assert.ok(text, words);
  }
  await page.locator("[data-search]").fill("snaer");
  await page.locator(".problem").waitFor();
  assert.match((await page.locator(".problem").textContent())!, /snare/);
  await until("nothing", async () => (await shown()) === 0);
  await page.locator("[data-search]").fill("");
  await until("everything", async () => (await shown()) === whole);
});

test("families, sliders and back", async () => {
  const { page } = opened;
  const whole = await shown();
  await page.keyboard.press("Escape");
  await page.locator("[data-panel=map]").focus();
  await page.keyboard.press("Shift+1");
  await until("fewer", async () => (await shown()) < whole);
  const kicks = await shown();
  const thumb = page.getByRole("slider", { name: "length, from" });
  await thumb.focus();
  for (let press = 0; press < 5; press++) await page.keyboard.press("PageUp");
  await until("fewer still", async () => (await shown()) < kicks);
  assert.match((await thumb.getAttribute("aria-valuetext"))!, / s$/);
  await page.locator("[data-panel=map]").focus();
  for (let press = 0; press < 5; press++) await page.keyboard.press("[");
  await until("kicks again", async () => (await shown()) === kicks);
  await page.keyboard.press("[");
  await until("everything again", async () => (await shown()) === whole);
});

test("dragging a slider asks the server for nothing", async () => {
  const { page } = opened;
  const asked: string[] = [];
  const note = (request: { url(): string }) => asked.push(request.url());
  await page.waitForTimeout(500);
  page.on("request", note);
  const box = (await page.locator(".track").first().boundingBox())!;
  await page.mouse.move(box.x + 2, box.y + 20);
  await page.mouse.down();
  for (let step = 0; step < 30; step++) await page.mouse.move(box.x + 2 + 3 * step, box.y + 20);
  assert.ok(
    asked.every((url) => /rows|outlines/.test(url)),
    `${asked}`,
  );
  await page.mouse.up();
  page.off("request", note);
});

test("after the mouse, keys are the list's again", async () => {
  const { page } = opened;
  const count = await shown();
  await page.waitForTimeout(400);
  await page.keyboard.press("ArrowDown");
  const cursor = () => page.locator(".row.cursor").getAttribute("data-id");
  const first = await cursor();
  assert.equal(await shown(), count); // the slider that was dragged did not move
  await page.getByRole("button", { name: "show all" }).click();
  await page.getByRole("button", { name: "Match level" }).click();
  await page.getByRole("button", { name: "Match level" }).click();
  await page.keyboard.press("ArrowDown");
  await until("the next", async () => (await cursor()) !== first);
  // But a slider that Tab went to is moved by keys.
  const whole = await shown();
  await page.getByRole("slider", { name: "length, from" }).focus();
  for (let time = 0; time < 5; time++) await page.keyboard.press("PageUp");
  await until("fewer", async () => (await shown()) < whole);
  await page.locator("[data-search]").focus();
  await page.locator("[data-search]").blur();
  await page.getByRole("button", { name: "show all" }).click();
});

test("similar, and back", async () => {
  const { page } = opened;
  await page.locator("[data-panel=list] .row[data-id]").first().click();
  const id = await page.locator(".row.cursor").getAttribute("data-id");
  await page.keyboard.press("s");
  await page.locator(".list-title").waitFor();
  assert.match((await page.locator(".list-title").textContent())!, /^←like /);
  const first = page.locator(".grid.similar .row[data-id]").first();
  await until("others", async () => (await first.getAttribute("data-id")) !== id);
  await page.keyboard.press("Escape");
  await page.keyboard.press("Escape");
  await page.locator(".list-title").waitFor({ state: "detached" });
});

test("sorting by name and by length", async () => {
  const { page } = opened;
  await page.getByRole("button", { name: "length", exact: true }).click();
  await page.waitForTimeout(600);
  const lengths = await page.locator(".row[data-id] > :nth-child(5)").allTextContents();
  const numbers = lengths.slice(0, 12).map(Number.parseFloat);
  // The page sorts by steps of about a hundredth.
  for (let at = 1; at < numbers.length; at++) assert.ok(numbers[at] > numbers[at - 1] - 0.015);
  await page.getByRole("button", { name: "name", exact: true }).click();
  await page.waitForTimeout(600);
  const names = (await page.locator(".row[data-id] .name").allTextContents()).slice(0, 12);
  assert.ok(names[0].toLowerCase() <= names[8].toLowerCase(), `${names}`);
});

test("a selection by keys grows and shrinks", async () => {
  const { page } = opened;
  await page.keyboard.press("Home");
  const selected = () => page.locator(".row.selected").count();
  for (const [keys, count] of [
    ["Shift+ArrowDown", 2],
    ["Shift+ArrowDown", 3],
    ["Shift+ArrowUp", 2],
    ["Shift+ArrowDown", 3],
    ["ArrowDown", 0],
  ] as const) {
    await page.keyboard.press(keys);
    await until(`${count} after ${keys}`, async () => (await selected()) === count);
  }
  await page.keyboard.press("Shift+ArrowUp");
  await until("two", async () => (await selected()) === 2);
  await page.keyboard.press("Escape");
  await page.keyboard.press("Escape");
});

test("nothing for axe-core to complain about, with everything open", async () => {
  const { page } = opened;
  const axe = readFileSync(
    createRequire(`${process.cwd()}/`).resolve("axe-core/axe.min.js"),
    "utf8",
  );
  const check = async (state: string) => {
    // The page forbids foreign scripts; the debugger's own world may run them.
    const session = await page.context().newCDPSession(page);
    const { frameTree } = await session.send("Page.getFrameTree");
    const world = await session.send("Page.createIsolatedWorld", { frameId: frameTree.frame.id });
    const contextId = world.executionContextId;
    await session.send("Runtime.evaluate", { expression: axe, contextId });
    const { result } = await session.send("Runtime.evaluate", {
      expression:
        "axe.run(document).then((r) => JSON.stringify(r.violations.map((v) => [v.id, v.nodes.map((n) => n.html.slice(0, 120))])))",
      awaitPromise: true,
      returnByValue: true,
      contextId,
    });
    assert.deepEqual(JSON.parse(result.value), [], state);
  };
  await check("at first");
  await page.keyboard.press("j");
  await page.locator("[data-panel=shelf]").waitFor();
  await check("with the shelf");
  await page.keyboard.press("k");
  await page.locator(".pad").first().waitFor();
  await check("with pads");
  await page.keyboard.press("Escape");
  await page.keyboard.press("Escape");
  await page.keyboard.press("?");
  await page.locator("[data-panel=help]").waitFor();
  await check("with help");
  await page.keyboard.press("Escape");
});

test("fifty random filters show what the library finds", async () => {
  const { page } = opened;
  const all = Points.of(await pointsOf(page));
  const about = await ask<LibraryInfo>(page, "library");
  const codes = about.network!.classes.map((one) => one.code);
  const next = random(21);
  const maybe = <T>(chance: number, make: () => T): T | null => (next() < chance ? make() : null);
  const chosen = Array.from({ length: 50 }, () => {
    let { ranges } = NO_FILTERS;
    for (const { key, edges } of all.facets) {
      const [one, other] = [next(), next()].map((part) => Math.floor(part * edges.length));
      const [low, high] = [Math.min(one, other), Math.max(one, other)];
      ranges = withRange(ranges, key, [maybe(0.3, () => low), maybe(0.3, () => high)]);
    }
    return {
      ...NO_FILTERS,
      ranges,
      classes: codes.filter(() => next() < 0.1),
      probability: maybe(0.4, () => Math.floor(all.levels.length * (0.5 + next() / 2))),
      percussion: maybe(0.4, () => Math.floor(all.levels.length * next())),
      unheard: next() < 0.2,
    };
  });
  const bodies = [NO_FILTERS, ...chosen].map((one) => toBody(one, all));
  const script = `
import json, sys
from libindex import Library
with Library.open(sys.argv[1]) as library:
    found = [{hit.content_id for hit in library.query(**body)} for body in json.load(sys.stdin)]
    print(json.dumps([sorted(ids) for ids in found]))
`;
  const expected = JSON.parse(
    execFileSync(process.env.LIBINDEX_TEST_PYTHON ?? "python3", ["-c", script, db], {
      encoding: "utf8",
      input: JSON.stringify(bodies),
      maxBuffer: 2 ** 26,
    }),
  ) as number[][];
  assert.equal(await shown(), expected[0].length, "all of them");
  let some = 0;
  [NO_FILTERS, ...chosen].forEach((one, number) => {
    const { mask } = compute(all, one, NOT_SEARCHED, codes);
    const found = [...all.id.filter((_, row) => mask[row])].sort((a, b) => a - b);
    assert.deepEqual(found, expected[number], JSON.stringify(bodies[number]));
    some += Number(found.length > 0 && found.length < all.length);
  });
  assert.ok(some > 15, `${some} of them say something`);
});

test("nothing went wrong, and nothing left this machine", () => assertFaultless(opened.faults));
