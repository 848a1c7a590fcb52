// The map: its pixels in many states, keys, pointer, lasso, and what is done to it as a whole.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import { readTable } from "../src/columns.ts";
import type { PointsHeader } from "../src/types.ts";
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

before(async () => {
  server = await serve(copyOf("db"));
  browser = await launch();
  opened = await open(browser, server.address);
  await opened.page.locator(".top h1").click();
});
after(async () => {
  await browser.close();
  await server.stop();
});

interface Place {
  id: number;
  x: number;
  y: number;
}

/** Where the sounds are, by the server. */
async function placesOf(page: Page): Promise<Map<number, Place>> {
  const { columns } = await pointsOf(page);
  return new Map(
    [...columns.id].map((id, row) => [id, { id, x: columns.x[row], y: columns.y[row] }]),
  );
}

/** What a canvas shows, as a short text. */
async function pixels(page: Page, canvas: "points" | "over"): Promise<string> {
  return page.locator(`[data-${canvas}]`).evaluate(async (node) => {
    const { width, height } = node as HTMLCanvasElement;
    const { data } = (node as HTMLCanvasElement)
      .getContext("2d")!
      .getImageData(0, 0, width, height);
    const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", data));
    return [...sum.subarray(0, 8)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  });
}

const cursorOf = async (page: Page) =>
  Number((await page.locator(".row.cursor").getAttribute("data-id")) ?? 0);

test("arrows on the map go to the nearest sound that way", async () => {
  const { page } = opened;
  const places = await placesOf(page);
  await page.locator(".map").focus();
  await page.keyboard.press("ArrowRight"); // the first one goes to the middle
  let at = places.get(await until("a first sound", () => shownId(page)))!;
  const ways = {
    ArrowLeft: (to: Place) => to.x < at.x,
    ArrowUp: (to: Place) => to.y < at.y,
    ArrowRight: (to: Place) => to.x > at.x,
    ArrowDown: (to: Place) => to.y > at.y,
  };
  for (const [key, isThatWay] of Object.entries(ways)) {
    await page.keyboard.press(key);
    const id = await until(`${key} goes on`, async () => {
      const now = await shownId(page);
      return now !== at.id && now;
    });
    assert.ok(isThatWay(places.get(id)!), key);
    at = places.get(id)!;
  }
  assert.equal(await page.evaluate(() => document.activeElement?.className), "map");
});

/** The sound that the card shows. */
async function shownId(page: Page): Promise<number> {
  return Number(await page.locator("[data-card]").getAttribute("data-card", { timeout: 2000 }));
}

test("pointing at a sound changes no pixel of the points", async () => {
  const { page } = opened;
  const box = (await page.locator("[data-over]").boundingBox())!;
  await page.keyboard.press("m"); // what was heard is dimmed
  await page.waitForTimeout(1500); // what was heard before is noted
  const before = await pixels(page, "points");
  const rings = new Set<string>();
  for (let step = 0; step < 40; step++) {
    await page.mouse.move(box.x + 20 + step * 18, box.y + 40 + ((step * 53) % (box.height - 80)));
    await page.waitForTimeout(20);
    rings.add(await pixels(page, "over"));
  }
  assert.equal(await pixels(page, "points"), before);
  assert.ok(rings.size > 3, "rings around what is pointed at");
  await page.keyboard.press("m");
});

test("a lasso by the pointer, and one by keys", async () => {
  const { page } = opened;
  const box = (await page.locator("[data-over]").boundingBox())!;
  const corner = (x: number, y: number) =>
    page.mouse.move(box.x + x * box.width, box.y + y * box.height, { steps: 4 });
  await page.keyboard.press("g");
  await corner(0.02, 0.5);
  await page.mouse.down();
  await corner(0.02, 0.98);
  await corner(0.45, 0.98);
  await corner(0.45, 0.5);
  await page.mouse.up();
  const title = page.locator(".list-title span");
  await until("a lasso", async () => /in the lasso/.test((await title.textContent()) ?? ""));
  const inside = Number((await title.textContent())!.replace(/\D/g, ""));
  const places = [...(await placesOf(page)).values()];
  assert.ok(inside > 0 && inside < places.length);
  await page.keyboard.press("Escape");
  await until("all again", async () => (await title.count()) === 0);
  await page.locator(".row[data-id]").first().click();
  await page.keyboard.press("Escape"); // it sounds
  await page.keyboard.press("g");
  for (let step = 0; step < 3; step++) await page.keyboard.press("+");
  await page.keyboard.press("Enter");
  await until("a circle", async () => /in the lasso/.test((await title.textContent()) ?? ""));
  await page.keyboard.press("Escape");
  await until("all once more", async () => (await title.count()) === 0);
});

test("settled, undone: sounds move, the list and the cursor stay", async () => {
  const { page } = opened;
  const info = () => ask<{ map: { can_settle: boolean; kind: string } }>(page, "library");
  await page.locator(".row[data-id]").nth(2).click();
  const cursor = await cursorOf(page);
  const rows = () =>
    page
      .locator(".row[data-id]")
      .evaluateAll((all) => all.map((row) => row.getAttribute("data-id")));
  const listed = await rows();
  const before = await placesOf(page);
  const choose = async (name: string) => {
    await page.getByLabel("Change the map").click();
    await page.locator(".map-menu button", { hasText: name }).click();
  };
  if (!(await info()).map.can_settle) {
    await page.getByLabel("Change the map").click();
    await page.getByText("pip install 'libindex[map]'").waitFor();
    return;
  }
  const picture = await pixels(page, "points");
  await choose("Settle");
  await page.getByText("The map is settled.").waitFor({ timeout: 60_000 });
  await until("other pixels", async () => (await pixels(page, "points")) !== picture);
  const other = await settled(() => pixels(page, "points"));
  const after = await placesOf(page);
  assert.equal(after.size, before.size);
  assert.ok([...after.values()].some(({ id, x }) => x !== before.get(id)!.x));
  assert.equal(await cursorOf(page), cursor);
  assert.deepEqual(await rows(), listed);
  await choose("Undo");
  await until("as before", async () => (await pixels(page, "points")) !== other);
  assert.deepEqual(await placesOf(page), before);
  assert.deepEqual(await rows(), listed);
});

// Plain pixels are the same on every machine, so they are compared to the last one.

const SOUNDS = 20_000;
/** Sums of what the map showed when somebody last looked at it and found it good. */
const SEEN: Record<string, string> = {
  "dark, 3840 × 2160": "5de3c31c4a97f8ed",
  "dark, 800 × 500, two pixels a point": "b84c4a0a644c8c7e",
  "dark, 900 × 600": "5d8cd1c9ba387171",
  "light, 900 × 600": "6236bf5c042a2f89",
  "only hats, light": "4f6bfae8763d861c",
  "zoomed in": "4e824b54ddd6dae4",
};

interface State {
  width: number;
  height: number;
  dpr?: number;
  scheme?: "light" | "dark";
  act?: (page: Page) => Promise<void>;
}

const zoomIn = async (page: Page) => {
  for (let step = 0; step < 4; step++) await page.keyboard.press("+");
};
const onlyHats = (page: Page) => page.keyboard.press("Shift+4");

const STATES: Record<string, State> = {
  "dark, 900 × 600": { width: 900, height: 600 },
  "light, 900 × 600": { width: 900, height: 600, scheme: "light" },
  "dark, 800 × 500, two pixels a point": { width: 800, height: 500, dpr: 2 },
  "dark, 3840 × 2160": { width: 3840, height: 2160 },
  "zoomed in": { width: 900, height: 600, act: zoomIn },
  "only hats, light": { width: 900, height: 600, scheme: "light", act: onlyHats },
};

/** Points that are the same everywhere, in clumps; `whole` has the facets. */
function made(whole: ArrayBuffer): Buffer {
  const { header } = readTable<PointsHeader>(whole);
  const next = random(11);
  const columns: Record<string, Uint32Array | Uint16Array | Uint8Array> = {};
  const kinds = { u32: Uint32Array, u16: Uint16Array, u8: Uint8Array, f32: Uint32Array };
  for (const { name, type } of header.columns) columns[name] = new kinds[type](SOUNDS);
  const classes = 30;
  const middles = Array.from({ length: classes }, () => [
    6_000 + 53_000 * next(),
    6_000 + 53_000 * next(),
  ]);
  for (let row = 0; row < SOUNDS; row++) {
    const number = Math.floor(next() * next() * classes);
    columns.id[row] = row + 1;
    columns.class[row] = number;
    columns.x[row] = middles[number][0] + 9_000 * (next() + next() + next() - 1.5);
    columns.y[row] = middles[number][1] + 9_000 * (next() + next() + next() - 1.5);
    columns.probability[row] = Math.floor(202 * next());
    columns.flags[row] = next() < 0.1 ? 1 : next() < 0.1 ? 4 : 0;
  }
  const text = Buffer.from(JSON.stringify(header));
  const head = Buffer.alloc(12 + Math.ceil(text.length / 4) * 4, " ");
  head.write("LIXP");
  head.writeUInt32LE(SOUNDS, 4);
  head.writeUInt32LE(head.length - 12, 8);
  text.copy(head, 12);
  const parts = header.columns.map(({ name }) => Buffer.from(columns[name].buffer));
  return Buffer.concat([head, ...parts]);
}

test("the map looks as it did", async () => {
  const token = await opened.page.evaluate(() => localStorage.getItem("libindex-token"));
  const found: Record<string, string> = {};
  for (const [name, { width, height, dpr, scheme, act }] of Object.entries(STATES)) {
    const context = await browser.newContext({
      viewport: { width, height },
      deviceScaleFactor: dpr ?? 1,
      colorScheme: scheme ?? "dark",
      reducedMotion: "reduce",
    });
    await context.addInitScript((kept) => localStorage.setItem("libindex-token", kept!), token);
    const page = await context.newPage();
    await page.route("**/api/points*", async (route) => {
      const answer = await route.fetch();
      await route.fulfill({
        response: answer,
        body: made(Uint8Array.from(await answer.body()).buffer),
      });
    });
    await page.goto(server.origin);
    await page.locator("[data-ready]").waitFor();
    // Fonts decide how much room the map has; here it is all of the window.
    await page.locator(".map").evaluate((node) => {
      Object.assign((node as HTMLElement).style, { position: "fixed", inset: "0", zIndex: "9" });
    });
    await page.locator(".map").focus();
    await until("its size", async () => {
      const size = await page
        .locator("[data-points]")
        .evaluate((node) => (node as HTMLCanvasElement).width);
      return size === width * (dpr ?? 1);
    });
    await act?.(page);
    found[name] = await settled(() => pixels(page, "points"));
    if (process.env.LIBINDEX_TEST_PICTURES)
      await page.screenshot({ path: `${process.env.LIBINDEX_TEST_PICTURES}/${name}.png` });
    await context.close();
  }
  assert.deepEqual(found, SEEN);
});

/** What something is, once it has been the same for a while. */
async function settled(look: () => Promise<string>): Promise<string> {
  let last = "";
  for (let same = 0; same < 4; ) {
    const now = await look();
    same = now === last ? same + 1 : 0;
    last = now;
    await new Promise((done) => setTimeout(done, 100));
  }
  return last;
}

test("nothing went wrong, and nothing left this machine", () => assertFaultless(opened.faults));
