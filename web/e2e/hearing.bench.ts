// Measures how soon a sound begins; `python -m benchmarks --only page` starts it.
//
// Prints a line of JSON: ms from an event to the start of the sound, for 95 % of them. The pointer's
// dwell is none.
import type { Page } from "playwright-core";
import { projection } from "../src/map/pixels.ts";
import { random } from "../tests/points.ts";
import { launch, pointsOf, serve, tape, taped, until } from "./support.ts";

const TIMES = 40;

const [db] = process.argv.slice(2);
const server = await serve(db);
const browser = await launch();
const page = await (await browser.newContext({ viewport: { width: 1400, height: 900 } })).newPage();
const fetched = new Set<number>();
page.on("requestfinished", (request) => {
  const id = request.url().match(/sounds\/(\d+)\/audio/)?.[1];
  if (id) fetched.add(Number(id));
});
await tape(page);
await page.addInitScript(() => {
  localStorage.setItem("libindex-preferences", JSON.stringify({ dwellMs: 0 }));
  for (const kind of ["keydown", "pointermove"])
    addEventListener(kind, () => Object.assign(window, { acted: performance.now() }), true);
});
await page.goto(server.address);
await page.locator(".row[data-id] .name").nth(3).waitFor();
await page.keyboard.press("ArrowDown"); // the first sound opens the output
await page.waitForTimeout(2000);

/** From an event to the sound. */
async function latency(page: Page, act: () => Promise<void>): Promise<number | null> {
  const { length } = (await taped(page)).starts;
  await act();
  const started = await until(
    "a sound",
    async () => (await taped(page)).starts.at(length),
    1,
  ).catch(
    () => null, // another sound lies over this one and was heard before
  );
  const acted = await page.evaluate(() => (window as unknown as { acted: number }).acted);
  await page.waitForTimeout(250); // until what is near has been fetched
  return started && started.at - acted;
}

async function most(act: (time: number) => Promise<void>): Promise<number> {
  const found: number[] = [];
  for (let time = 0; time < TIMES; time++) {
    const one = await latency(page, () => act(time));
    if (one !== null) found.push(one);
  }
  return found.sort((a, b) => a - b)[Math.floor(found.length * 0.95)];
}

const box = (await page.locator("[data-over]").boundingBox())!;
const { columns } = await pointsOf(page);
const next = random(4);

/** Point at a sound that was fetched already, or at one that was not. */
async function pointAt(isFetched: boolean): Promise<void> {
  const rows = [...columns.id.keys()].filter((row) => fetched.has(columns.id[row]) === isFetched);
  const row = rows[Math.floor(next() * rows.length)];
  const size = { width: box.width, height: box.height, dpr: 1 };
  const { scaleX, scaleY, left, top } = projection({ x: 0.5, y: 0.5, zoom: 1 }, size);
  const [x, y] = [columns.x[row] * scaleX + left, columns.y[row] * scaleY + top];
  await page.mouse.move(box.x + x, box.y + y);
}

const key = await most(() => page.keyboard.press("ArrowDown"));
await page.keyboard.press("0");
await page.waitForTimeout(800);
const fresh = await most(() => pointAt(false));
const known = await most(() => pointAt(true));
console.log(JSON.stringify({ key, fresh, known }));
await browser.close();
await server.stop();
