// Using: pads, kits and the shelf, by keys alone; hostile names; news; and what a crash leaves.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { Browser } from "playwright-core";
import {
  ask,
  assertFaultless,
  copyOf,
  launch,
  material,
  type Opened,
  open,
  type Server,
  searchFor,
  serve,
  until,
} from "./support.ts";

const folder = mkdtempSync(join(tmpdir(), "libindex-use-"));
process.env.LIBINDEX_SHELF = join(folder, "shelf");
process.env.LIBINDEX_KITS = join(folder, "kits");

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

const press = async (...keys: string[]) => {
  for (const key of keys) await opened.page.keyboard.press(key);
};

test("find claps, hear and shelve three, by keys alone", async () => {
  const { page } = opened;
  await press("/");
  await page.keyboard.type("clap");
  await page.locator(".words li").waitFor();
  await page.waitForTimeout(300);
  await press("ArrowDown"); // out of the search, into the list
  for (let number = 0; number < 3; number++) {
    await press("ArrowDown", "Enter");
    await until(
      `${number + 1} on the shelf`,
      () =>
        existsSync(join(folder, "shelf")) &&
        readdirSync(join(folder, "shelf")).filter((name) => !name.startsWith(".")).length ===
          number + 1,
    );
  }
  for (const name of readdirSync(join(folder, "shelf")).filter((name) => !name.startsWith(".")))
    assert.ok(
      readFileSync(join(folder, "shelf", name)).equals(
        readFileSync(readlinkSync(join(folder, "shelf", name))),
      ),
    );
  assert.equal(await page.evaluate(() => document.activeElement?.tagName), "BODY");
});

test("fill pads, lock one, swap the others, write a kit that Hydrogen opens", async () => {
  const { page } = opened;
  await page.locator("[data-search]").fill("");
  await page.locator("[data-search]").blur();
  await page.waitForTimeout(300);
  await press("k");
  await page.getByRole("button", { name: /^Fill from/ }).click();
  await page.locator(".pad:not(.empty)").first().waitFor();
  const names = () => page.locator(".pad-name").allTextContents();
  await until("names", async () => (await names()).every((name) => name !== "…"));
  const filled = await names();
  await page.getByRole("button", { name: "Lock kick drum" }).first().click();
  await page.getByRole("button", { name: "Swap all" }).click();
  await until(
    "others",
    async () =>
      (await names()).join() !== filled.join() && (await names()).every((name) => name !== "…"),
  );
  const swapped = await names();
  const at = await page
    .locator(".pad")
    .evaluateAll((all) =>
      all.findIndex((pad) => pad.querySelector('[aria-label="Lock kick drum"]')),
    );
  assert.equal(swapped[at], filled[at], "the locked one stays");
  assert.equal(
    new Set(swapped.filter((one) => one !== "empty")).size,
    swapped.filter((one) => one !== "empty").length,
  );
  await press("Control+z", "Control+z");
  await until("as before", async () => (await names()).join() === filled.join());
  await page.getByLabel("Name of the kit").fill("Mine");
  await page.getByRole("button", { name: /^Write kit/ }).click();
  await page.locator("p.done").waitFor();
  assert.deepEqual(await page.locator("p.done span").allTextContents(), [], "no warnings");
  const kit = join(folder, "kits", "Mine");
  assert.ok(existsSync(join(kit, "kit.json")));
  if (spawnSync("h2cli", ["--version"]).status === 0) {
    const checked = spawnSync("h2cli", ["--check", join(kit, "Mine.h2drumkit")], {
      encoding: "utf8",
      timeout: 60_000,
    });
    assert.equal(checked.status, 0, checked.stdout + checked.stderr);
  }
  await page.getByRole("button", { name: /^Write kit/ }).click();
  await page.getByRole("button", { name: "Replace it" }).click();
  await page.locator("p.done").waitFor();
  assert.equal(await page.locator(".write .away").count(), 0);
});

test("a page that is loaded again has its pads, its search and its place", async () => {
  const { page } = opened;
  const lock = page.getByRole("button", { name: "Lock kick drum" }).first();
  await lock.click();
  await press("Escape"); // keys play no pads any more
  await page.locator("[data-search]").fill("kick");
  await page.locator("[data-search]").blur();
  await page.waitForTimeout(400);
  await press("ArrowDown", "ArrowDown");
  const names = () => page.locator(".pad-name").allTextContents();
  const before = await names();
  assert.ok(before.filter((name) => name !== "empty").length > 5);
  const row = await page.locator(".row.cursor").getAttribute("data-id");
  await page.waitForTimeout(400);
  await page.reload();
  await page.locator("[data-ready]").waitFor();
  assert.equal(await page.locator("[data-search]").inputValue(), "kick");
  await until("its place", async () =>
    (await page.locator(".row.cursor").count())
      ? (await page.locator(".row.cursor").getAttribute("data-id")) === row
      : false,
  );
  await press("k");
  await until("its pads", async () => (await names()).join() === before.join());
  assert.equal(await lock.getAttribute("aria-pressed"), "true");
  await page.locator("[data-search]").fill("");
  await page.locator("[data-search]").blur();
});

test("the pads are those that the library chooses", async () => {
  const { page } = opened;
  const points = await ask<{ rows: { id: number }[] }>(page, "rows", {
    ids: Array.from({ length: 400 }, (_, n) => n + 1),
  });
  const ids = points.rows.map((row) => row.id).filter((_, number) => number % 2);
  const { pads } = await ask<{ pads: { key: number; id: number | null }[] }>(page, "kits/assign", {
    layout: "24",
    filters: { ids },
    locked: {},
  });
  const script = `
import json, sys
from libindex import Library
from libindex.kits import LAYOUTS, Recipe
with Library.open(sys.argv[1]) as library:
    kit = library.kit("x", Recipe(LAYOUTS["24"]), ids=json.loads(sys.argv[2]))
    by_path = {path: hit.content_id for hit in library.query() for path in (hit.path, *hit.copies)}
    print(json.dumps({voice.key: by_path[voice.sample] for voice in kit.voices}))
`;
  const python = process.env.LIBINDEX_TEST_PYTHON ?? "python3";
  const expected = JSON.parse(
    execFileSync(python, ["-c", script, db, JSON.stringify(ids)], { encoding: "utf8" }),
  );
  const found = Object.fromEntries(
    pads.filter((pad) => pad.id !== null).map((pad) => [String(pad.key), pad.id]),
  );
  assert.deepEqual(found, expected);
});

test("hostile names are text", async () => {
  const { page } = opened;
  await page.getByRole("button", { name: "Pads" }).click();
  await page.locator(".drawer").waitFor({ state: "detached" });
  await searchFor(page, "Hostile/", 20);
  const rows = page.locator(".row[data-id]");
  const count = await rows.count();
  assert.ok(count >= 8, `${count}`);
  for (let number = 0; number < count; number++) {
    await rows.nth(number).click();
    await page.waitForTimeout(120);
  }
  const names = await page.locator(".row .name").allTextContents();
  assert.ok(
    names.some((name) => name.includes("<img src=x onerror=alert(1)>")),
    names.join("|"),
  );
  assert.equal(await page.locator("img[src=x], .page script").count(), 0);
  await page.locator("[data-search]").fill("");
});

test("a file that comes is on the map within a second, and the list stays where it is", async () => {
  const { page } = opened;
  const total = async () =>
    Number((await page.locator(".count").textContent())!.replace(/.*of/, "").replace(/\D/g, ""));
  const whole = await total();
  const added = join(folder, "More");
  mkdirSync(added);
  copyFileSync(join(material("demo"), "kick02.wav"), join(added, "first.wav"));
  const script =
    "import sys; from libindex import Library; Library.open(sys.argv[1]).add(sys.argv[2])";
  execFileSync(process.env.LIBINDEX_TEST_PYTHON ?? "python3", ["-c", script, db, added]);
  await until("the folder is watched", async () => (await total()) === whole + 1, 40);
  await page.waitForTimeout(300);
  const before = await total();
  await page.locator(".row[data-id]").nth(2).click();
  const cursor = await page.locator(".row.cursor").getAttribute("data-id");
  const top = await page.locator(".row[data-id]").first().getAttribute("data-id");
  const bytes = readFileSync(join(material("demo"), "snare02.wav"));
  bytes[200] ^= 1; // another content
  writeFileSync(join(added, "second.wav"), bytes);
  const started = Date.now();
  await until("one more", async () => (await total()) === before + 1, 15);
  console.log(`on the map after ${Date.now() - started} ms`);
  assert.match((await page.locator(".new").textContent())!, /\d+ new/);
  assert.equal(await page.locator(".row.cursor").getAttribute("data-id"), cursor);
  assert.equal(await page.locator(".row[data-id]").first().getAttribute("data-id"), top);
  renameSync(added, `${added} away`);
  await searchFor(page, "second", 1);
  await until("greyed", async () => (await page.locator(".row.offline").count()) > 0, 20);
  await page.locator("[data-search]").fill("");
  renameSync(`${added} away`, added);
});

test("kill -9 of the server loses nothing, and the page goes on with the next one", async () => {
  const { page } = opened;
  await server.stop("SIGKILL");
  await page.locator(".status.bad").waitFor();
  const port = new URL(server.origin).port;
  opened.faults.errors.length = 0; // that nobody answered
  server = await serve(db, "--port", port);
  await page.getByText("was started again").waitFor();
  const second = await opened.context.newPage();
  await second.goto(server.address);
  await second.locator("[data-ready]").waitFor();
  await second.close();
  await until("it goes on", async () => (await page.locator(".status.bad").count()) === 0, 20);
  await page.locator("[data-search]").blur();
  await press("j");
  await page.locator(".shelved").nth(2).waitFor();
  assert.equal(await page.locator(".shelved").count(), 3);
  opened.faults.errors.length = 0;
});

test("nothing went wrong, and nothing left this machine", () => assertFaultless(opened.faults));
