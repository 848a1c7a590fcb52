// Uses the page for a long time; `python -m benchmarks.page_soak` starts it.
//
// Prints a line of JSON for every minute, and says in the last one what went wrong.
import type { Page } from "playwright-core";
import { random } from "../tests/points.ts";
import { launch, serve, watch } from "./support.ts";

const [db, minutes] = process.argv.slice(2);
const end = Date.now() + Number(minutes) * 60_000;
const server = await serve(db);
const browser = await launch("--enable-precise-memory-info");
const context = await browser.newContext({ viewport: { width: 1400, height: 900 } });
const page = await context.newPage();
const faults = watch(page);
const tools = await context.newCDPSession(page);
console.error(`server ${server.pid}`); // for whoever measures it

await page.goto(server.address);
await page.locator(".row[data-id] .name").nth(3).waitFor();
const box = (await page.locator("[data-over]").boundingBox())!;
const next = random(Number(minutes));
const pick = <T>(of: readonly T[]): T => of[Math.floor(next() * of.length)];

/** How many objects of a kind are alive. */
async function alive(kind: string): Promise<number> {
  const { result } = await tools.send("Runtime.evaluate", { expression: `${kind}.prototype` });
  const found = await tools.send("Runtime.queryObjects", { prototypeObjectId: result.objectId! });
  const counted = await tools.send("Runtime.callFunctionOn", {
    objectId: found.objects.objectId!,
    functionDeclaration: "function () { return this.length; }",
    returnByValue: true,
  });
  await tools.send("Runtime.releaseObject", { objectId: found.objects.objectId! });
  return counted.result.value as number;
}

const search = async (words: string) => {
  await page.locator("[data-search]").fill(words);
  await page.locator("[data-search]").blur();
  await page.waitForTimeout(300);
};
const press = async (keys: readonly string[], times: number) => {
  for (let time = 0; time < times; time++) {
    await page.keyboard.press(pick(keys));
    await page.waitForTimeout(60);
  }
};

/** What somebody does who looks for sounds. */
const HABITS: ((page: Page) => Promise<void>)[] = [
  () =>
    search(pick(['"Pack 00"', '"Pack 01" kick', '"Pack 0" snare', '"Pack 1" -hat', "kick", ""])),
  () => press(["ArrowDown", "ArrowDown", "ArrowDown", "ArrowUp", "ArrowRight", "r", "n"], 25),
  () => press(["s", "[", "[", "]", "ArrowDown", "Escape"], 8),
  () => press(["+", "+", "-", "0", "1", "2", "3", "Shift+4", "4", "m", "m", "v", "v"], 10),
  async ({ mouse }) => {
    for (let step = 0; step < 60; step++) {
      await mouse.move(box.x + next() * box.width, box.y + next() * box.height, { steps: 3 });
      await page.waitForTimeout(30);
    }
  },
  async ({ mouse }) => {
    await mouse.move(box.x + box.width / 2, box.y + box.height / 2);
    await mouse.wheel(0, next() < 0.5 ? -400 : 400);
    await mouse.down();
    await mouse.move(box.x + next() * box.width, box.y + next() * box.height, { steps: 20 });
    await mouse.up();
  },
  async ({ mouse }) => {
    const track = (await page
      .locator(".track")
      .nth(Math.floor(next() * 3))
      .boundingBox())!;
    await mouse.move(track.x + 2, track.y + 20);
    await mouse.down();
    await mouse.move(track.x + next() * track.width, track.y + 20, { steps: 30 });
    await mouse.up();
    await page.keyboard.press("[");
  },
  async () => {
    await search('"Pack 0"');
    await page.keyboard.press("k");
    const fill = page.getByRole("button", { name: /^Fill from/ });
    if (await fill.isEnabled()) await fill.click(); // the filters may leave nothing
    await page.waitForTimeout(1500);
    const swap = page.getByRole("button", { name: "Swap all" });
    if (await swap.isEnabled()) await swap.click(); // what is shown may not fill a pad
    await page.waitForTimeout(1500);
    await press(["z", "x", "c", "v", "a", "s", "d", "f"], 16);
    await page.keyboard.press("Escape");
    await page.keyboard.press("k");
  },
];

let habits = 0;
let minute = Date.now() + 60_000;
while (Date.now() < end) {
  await pick(HABITS)(page);
  habits++;
  if (Date.now() < minute) continue;
  minute += 60_000;
  await tools.send("HeapProfiler.collectGarbage");
  const heap = await page.evaluate(
    () => (performance as unknown as { memory: { usedJSHeapSize: number } }).memory.usedJSHeapSize,
  );
  const buffers = await alive("AudioBuffer");
  const voices = await alive("AudioBufferSourceNode");
  const messages = await page.locator(".message.error").allTextContents();
  console.log(JSON.stringify({ habits, heap, buffers, voices, messages, ...faults }));
}
await browser.close();
// A sound may be played just when its file goes.
const errors = faults.errors.filter((error) => !/\b410\b/.test(error));
console.log(JSON.stringify({ status: await server.stop(), ...faults, errors }));
