// Hearing: every format, at one loudness, one at a time, at once.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Browser } from "playwright-core";
import {
  ask,
  assertFaultless,
  copyOf,
  launch,
  type Opened,
  open,
  type Server,
  searchFor,
  serve,
  tape,
  taped,
  until,
} from "./support.ts";

let server: Server;
let browser: Browser;
let opened: Opened;

before(async () => {
  server = await serve(copyOf("db"));
  browser = await launch();
  opened = await open(browser, server.address, { prepare: tape });
  await opened.page.locator(".top h1").click(); // a gesture, after which sound is allowed
});
after(async () => {
  await browser.close();
  assert.equal(await server.stop(), 0);
});

const search = (words: string) => searchFor(opened.page, words, 60);

test("every format sounds, as loud as libindex decodes it", async () => {
  const { page } = opened;
  await search("Formats/");
  const total = Number(await page.locator(".count b").textContent());
  assert.ok(total >= 20, `${total} formats`);
  const seen = new Set<string>();
  for (let number = 0; number < total; number++) {
    const count = (await taped(page)).starts.length;
    await page.keyboard.press("ArrowDown");
    await until("a sound", async () => (await taped(page)).starts.length > count);
    const id = Number(await page.locator(".row.cursor").getAttribute("data-id"));
    const sound = await ask<{ name: string; facts: { loudness_dbfs: number } }>(
      page,
      `sounds/${id}`,
    );
    seen.add(sound.name);
    const { rms } = (await taped(page)).starts.at(-1)!;
    const played = 20 * Math.log10(rms);
    // Opus has a start that is not part of the sound; browsers may resample.
    const near = /OPUS/.test(sound.name) ? 1 : 0.2;
    assert.ok(
      Math.abs(played - sound.facts.loudness_dbfs) < near,
      `${sound.name} ${played} ${sound.facts.loudness_dbfs}`,
    );
  }
  assert.equal(seen.size, total);
});

test("sounds of -45 to -3 dBFS are equally loud, no peak clips, V plays them as they are", async () => {
  const { page } = opened;
  await search("Levels/");
  const levels: number[] = [];
  const play = async () => {
    const count = (await taped(page)).starts.length;
    await page.keyboard.press("ArrowDown");
    await until("a sound", async () => (await taped(page)).starts.length > count);
    await page.waitForTimeout(30);
    return (await taped(page)).starts.at(-1)!;
  };
  await page.keyboard.press("Home");
  for (let number = 0; number < 29; number++) {
    const { rms, peak, gain } = await play();
    assert.ok(peak * gain <= 1.0001, `${peak * gain}`);
    // Where the peak or the limit of 30 dB allows it, they are at the target.
    if (peak * gain < 0.98 && gain < 31) levels.push(20 * Math.log10(rms * gain));
  }
  assert.ok(levels.length >= 15, `${levels.length}`);
  assert.ok(Math.max(...levels) - Math.min(...levels) < 2, `${levels}`);
  await page.keyboard.press("v");
  for (let number = 0; number < 5; number++) {
    await page.keyboard.press("ArrowUp");
    await page.waitForTimeout(150);
    assert.ok(Math.abs((await taped(page)).starts.at(-1)!.gain - 1) < 1e-6);
  }
  await page.keyboard.press("v");
});

test("a sweep over the map ends with the sound that is pointed at, and never two at once", async () => {
  const { page } = opened;
  await page.keyboard.press("Escape");
  await page.locator("[data-search]").fill("");
  await page.waitForTimeout(400);
  const box = (await page.locator("[data-over]").boundingBox())!;
  const before = (await taped(page)).starts.length;
  for (let step = 0; step < 200; step++) {
    const x = box.x + box.width * (0.15 + 0.7 * (step / 200));
    const y = box.y + box.height * (0.5 + 0.35 * Math.sin(step / 7));
    await page.mouse.move(x, y);
    if (step % 3 === 0) await page.waitForTimeout(60); // a sound plays when it is rested on
  }
  await page.waitForTimeout(1500);
  const { starts, most } = await taped(page);
  assert.ok(starts.length > before + 5, `${starts.length - before} sounds`);
  assert.equal(most, 1);
  await page.mouse.down();
  await page.mouse.up();
  await until("the same again", async () => (await taped(page)).starts.length > starts.length);
  assert.equal((await taped(page)).starts.at(-1)!.rms, starts.at(-1)!.rms);
  await page.mouse.move(box.x + 2, box.y + 2);
});

test("Escape is silence, Space hears again, the list keeps the focus", async () => {
  const { page } = opened;
  await page.keyboard.press("ArrowDown");
  const row = await page.locator(".row.cursor").getAttribute("data-id");
  await page.keyboard.press("Escape");
  await until("silence", async () => (await page.locator(".row.playing").count()) === 0);
  const count = (await taped(page)).starts.length;
  await page.keyboard.press("Space");
  await until("a sound", async () => (await taped(page)).starts.length > count);
  assert.equal(await page.locator(".row.cursor").getAttribute("data-id"), row);
});

test("what was heard is noted", async () => {
  const { page } = opened;
  await until("something heard", async () => (await page.locator(".row.heard").count()) > 0);
});

test("settings: the output, and sounds that ring together", async () => {
  const own = await serve(copyOf("db"));
  const other = await launch("--use-fake-device-for-media-stream");
  const { page, context, faults } = await open(other, own.address, {
    prepare: async (page) => {
      await tape(page);
      await page.addInitScript(() => {
        const { setSinkId } = AudioContext.prototype as unknown as {
          setSinkId(id: string): Promise<void>;
        };
        Object.assign(AudioContext.prototype, {
          setSinkId(this: AudioContext, id: string) {
            Object.assign(window, { sink: id });
            return setSinkId.call(this, id);
          },
        });
      });
    },
  });
  await page.keyboard.press("?");
  await context.grantPermissions(["microphone"]);
  const choose = page.getByRole("button", { name: /^Choose the output/ });
  await choose.click({ timeout: 2000 }).catch(() => {}); // or the browser names them at once
  const output = page.getByLabel("Output");
  await output.selectOption({ label: "Fake Audio Output 2" });
  const id = await output.inputValue();
  await until("the output", () =>
    page.evaluate((id) => (window as unknown as { sink: string }).sink === id, id),
  );
  await page.getByLabel("Let sounds ring on").check();
  await page.getByRole("button", { name: "Close" }).click();
  await searchFor(page, "cymbal", 60);
  for (let number = 0; number < 3; number++) {
    await page.keyboard.press("ArrowDown");
    await until("a sound", async () => (await taped(page)).starts.length > number);
  }
  assert.ok((await taped(page)).most > 1);
  assertFaultless(faults);
  await other.close();
  await own.stop();
});

test("nothing went wrong, and nothing left this machine", () => assertFaultless(opened.faults));
