// Measures the page on one library; `python -m benchmarks --only page` starts it.
//
// Prints a line of JSON. Times are in ms, of a browser without a graphics card.
import { readFile } from "node:fs/promises";
import type { Page } from "playwright-core";
import { launch, serve, watch } from "./support.ts";

interface Probe {
  first: number;
  draws: number;
  frames: number[];
  isRecording: boolean;
}

declare const probe: Probe;

const [db, waitMs = "15000"] = process.argv.slice(2);
const server = await serve(db);
await new Promise((done) => setTimeout(done, Number(waitMs))); // its first comparison is over
const browser = await launch("--enable-precise-memory-info");
const page = await (await browser.newContext({ viewport: { width: 1400, height: 900 } })).newPage();
const faults = watch(page);
let bytes = 0;
page.on("response", async (response) => {
  if (response.url().endsWith("/api/points")) bytes = Number(response.headers()["content-length"]);
});
await page.addInitScript(() => {
  const put = CanvasRenderingContext2D.prototype.putImageData;
  Object.assign(window, { probe: { first: 0, draws: 0, frames: [], isRecording: false } });
  CanvasRenderingContext2D.prototype.putImageData = function (
    this: CanvasRenderingContext2D,
    ...to: unknown[]
  ) {
    put.apply(this, to as Parameters<typeof put>);
    probe.draws++;
    probe.first ||= performance.now();
  } as typeof put;
});
await page.goto(server.address);
await page.locator(".row[data-id] .name").nth(3).waitFor();
const listMs = await page.evaluate(() => performance.now());
await page.waitForTimeout(2000);

/** The 95th percentile of the time between two frames while something is done. */
async function frames(page: Page, act: () => Promise<void>): Promise<number> {
  await page.evaluate(() => {
    probe.frames = [];
    probe.isRecording = true;
    let last = performance.now();
    const step = (now: number) => {
      probe.frames.push(now - last);
      last = now;
      if (probe.isRecording) requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  });
  await act();
  const found = await page.evaluate(() => {
    probe.isRecording = false;
    return probe.frames;
  });
  return found.sort((a, b) => a - b)[Math.floor(found.length * 0.95)];
}

const box = (await page.locator("[data-over]").boundingBox())!;
const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
const { mouse } = page;
const pan = await frames(page, async () => {
  await mouse.move(x, y);
  await mouse.down();
  for (let step = 0; step < 60; step++) {
    await mouse.move(x + 3 * step, y + 20 * Math.sin(step / 5));
    await page.waitForTimeout(8);
  }
  await mouse.up();
});
await page.keyboard.press("0");
await page.waitForTimeout(800);
const zoom = await frames(page, async () => {
  for (let step = 0; step < 30; step++) {
    await mouse.wheel(0, step < 15 ? -120 : 120);
    await page.waitForTimeout(16);
  }
});
await page.waitForTimeout(800);
const before = await page.evaluate(() => probe.draws);
const hover = await frames(page, async () => {
  for (let step = 0; step < 60; step++) {
    await mouse.move(box.x + 100 + 9 * step, y + 100 * Math.sin(step / 3));
    await page.waitForTimeout(8);
  }
});
const draws = (await page.evaluate(() => probe.draws)) - before;
const track = (await page.locator(".track").first().boundingBox())!;
const slider = await frames(page, async () => {
  await mouse.move(track.x + 2, track.y + 20);
  await mouse.down();
  for (let step = 0; step < 60; step++) {
    await mouse.move(track.x + 2 + 2 * step, track.y + 20);
    await page.waitForTimeout(8);
  }
  await mouse.up();
});
const heap = await page.evaluate(
  () => (performance as unknown as { memory: { usedJSHeapSize: number } }).memory.usedJSHeapSize,
);
const status = await readFile(`/proc/${server.pid}/status`, "utf8").catch(() => "VmRSS: 0 kB");
console.log(
  JSON.stringify({
    first: await page.evaluate(() => probe.first),
    list: listMs,
    bytes,
    pan,
    zoom,
    hover,
    draws,
    slider,
    heap,
    rss: 1024 * Number(status.match(/VmRSS:\s+(\d+)/)![1]),
    foreign: faults.foreign.length,
  }),
);
await browser.close();
await server.stop();
