// A first time: an empty library offers folders, and fills while one looks; so does a path.
import assert from "node:assert/strict";
import { cpSync, mkdirSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { Browser } from "playwright-core";
import { assertFaultless, launch, material, serve, until, watch } from "./support.ts";

const home = mkdtempSync(join(tmpdir(), "libindex-home-"));
mkdirSync(join(home, "Samples"));
cpSync(material("demo"), join(home, "Samples", "Pack"), { recursive: true });

let browser: Browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

for (const way of ["a click", "a path"])
  test(`an empty library is filled by ${way}`, async () => {
    process.env.HOME = home;
    const paths = way === "a path" ? [join(home, "Samples")] : [];
    const server = await serve(join(home, `${way}.db`), ...paths);
    try {
      const page = await browser.newPage();
      const faults = watch(page);
      await page.goto(server.address);
      await page.locator(".welcome").waitFor();
      if (way === "a click") await page.getByRole("button", { name: /Samples.*16 sounds/ }).click();
      await page.getByText("Looking at your sounds").waitFor();
      await page.locator("[data-points]").waitFor({ timeout: 60_000 });
      const total = async () => (await page.locator(".count").textContent())!.replace(/.*of/, "");
      await until("all sounds", async () => Number(await total()) === 16, 60);
      await until("names", async () => (await page.locator(".row[data-id]").count()) > 5);
      assertFaultless(faults);
      await page.close();
    } finally {
      assert.equal(await server.stop(), 0);
    }
  });

test("an address is good for one page; the token for the next ones", async () => {
  const server = await serve(join(home, "a path.db"));
  try {
    const page = await browser.newPage();
    await page.goto(server.address);
    await page.locator("[data-ready]").waitFor();
    assert.equal(new URL(page.url()).hash, "");
    await page.reload();
    await page.locator("[data-ready]").waitFor();
    const stranger = await (await browser.newContext()).newPage();
    await stranger.goto(server.address);
    await stranger.getByText("libindex serve").waitFor();
    assert.equal(await stranger.locator("[data-ready]").count(), 0);
    await page.close();
    await stranger.close();
  } finally {
    await server.stop();
  }
});

test("pages of other ports get nothing", async () => {
  const server = await serve(join(home, "a path.db"));
  const other = await serve(join(home, "other.db"));
  try {
    const page = await browser.newPage();
    await page.goto(server.address);
    await page.locator("[data-ready]").waitFor();
    const foreign = await browser.newPage();
    await foreign.route("**/evil", (route) =>
      route.fulfill({ contentType: "text/html", body: "<!doctype html><title>evil</title>" }),
    );
    await foreign.goto(`${other.origin}/evil`);
    const token = await page.evaluate(() => localStorage.getItem("libindex-token"));
    const got = await foreign.evaluate(
      async ([origin, token]) => {
        const tried: string[] = [];
        const attempt = async (what: string, act: () => Promise<unknown>) => {
          try {
            await act();
            tried.push(what);
          } catch {}
        };
        const loads = (tag: "script" | "audio", src: string) =>
          new Promise((done, fail) => {
            const element = document.createElement(tag);
            element.src = src;
            element.onload = done;
            element.oncanplay = done;
            element.onerror = fail;
            document.head.append(element);
          });
        const url = `${origin}/api/library`;
        await attempt("fetch", () => fetch(url));
        await attempt("fetch with the token", () =>
          fetch(url, { headers: { Authorization: `Bearer ${token}` } }),
        );
        await attempt("script", () => loads("script", url));
        await attempt("the page's script", () => loads("script", `${origin}/main.js`));
        await attempt("audio", () => loads("audio", `${origin}/api/sounds/1/audio`));
        await attempt(
          "events",
          () =>
            new Promise((done, fail) => {
              const events = new EventSource(`${origin}/api/events`);
              events.onopen = done;
              events.onerror = fail;
            }),
        );
        const kept = localStorage.getItem("libindex-token");
        return { tried, kept };
      },
      [server.origin, token] as const,
    );
    assert.deepEqual(got, { tried: [], kept: null });
  } finally {
    await server.stop();
    await other.stop();
  }
});
