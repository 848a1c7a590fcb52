// What the tests in a browser share: a server on a library, a browser with a profile of its own,
// and what a page must never do. They are started by tests/page, which makes the libraries.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { copyFileSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";

import { readTable, type Table } from "../src/columns.ts";
import type { PointsHeader } from "../src/types.ts";

const PYTHON = process.env.LIBINDEX_TEST_PYTHON ?? "python3";
const CHROMIUM = process.env.LIBINDEX_TEST_CHROMIUM ?? "/usr/bin/chromium";

/** A folder of the tests' material, by its name in tests/page/conftest.py. */
export function material(name: string): string {
  const path = process.env[`LIBINDEX_TEST_${name.toUpperCase()}`];
  assert.ok(path, `no material ${name}: start this by tests/page`);
  return path;
}

export class Server {
  constructor(
    readonly address: string, // with the code, for one use
    private readonly process: ChildProcess,
  ) {}

  get origin(): string {
    return new URL(this.address).origin;
  }

  get pid(): number {
    return this.process.pid as number;
  }

  /** End it and wait until it is gone. */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<number | null> {
    if (this.process.exitCode !== null) return this.process.exitCode;
    const ended = new Promise<number | null>((done) => this.process.once("exit", done));
    this.process.kill(signal);
    return ended;
  }
}

/** Start `libindex serve` and wait for its address. */
export async function serve(db: string, ...more: string[]): Promise<Server> {
  const command = ["-m", "libindex", "serve", "--no-browser", "--port", "0", "--db", db, ...more];
  const child = spawn(PYTHON, command, { stdio: ["ignore", "pipe", "pipe"] });
  const log: string[] = [];
  createInterface({ input: child.stderr }).on("line", (line) => log.push(line));
  const address = await new Promise<string>((done, fail) => {
    createInterface({ input: child.stdout }).on("line", (line) => {
      const found = line.match(/http:\/\/\S+/);
      if (found) done(found[0]);
    });
    child.once("exit", (code) => fail(new Error(`serve ended (${code}): ${log.join("\n")}`)));
  });
  return new Server(address, child);
}

export async function launch(...args: string[]): Promise<Browser> {
  return chromium.launch({
    executablePath: CHROMIUM,
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", ...args],
  });
}

/** What a page did that it must not do. */
export interface Faults {
  errors: string[]; // in the console, and not caught
  foreign: string[]; // requests that left this machine
}

export interface Opened {
  page: Page;
  context: BrowserContext;
  faults: Faults;
}

interface Options {
  width?: number;
  height?: number;
  dpr?: number;
  scheme?: "dark" | "light";
  prepare?: (page: Page) => Promise<void>;
}

/** Open the page and wait until the list answers. */
export async function open(
  browser: Browser,
  address: string,
  options: Options = {},
): Promise<Opened> {
  const context = await browser.newContext({
    viewport: { width: options.width ?? 1280, height: options.height ?? 800 },
    deviceScaleFactor: options.dpr ?? 1,
    colorScheme: options.scheme ?? "dark",
    reducedMotion: "reduce",
  });
  const page = await context.newPage();
  const faults = watch(page);
  await options.prepare?.(page);
  await page.goto(address);
  await page.locator("[data-ready]").waitFor();
  return { page, context, faults };
}

/** Collect what a page must not do. */
export function watch(page: Page): Faults {
  const faults: Faults = { errors: [], foreign: [] };
  page.on("pageerror", (error) => faults.errors.push(String(error)));
  page.on("console", (message) => {
    const isOwn = message.text().startsWith("Canvas2D: Multiple readback"); // tests read pixels
    const isBad = ["error", "warning"].includes(message.type());
    if (isBad && !isOwn) faults.errors.push(message.text());
  });
  page.on("response", (answer) => {
    if (answer.status() >= 400) faults.errors.push(`${answer.status()} ${answer.url()}`);
  });
  page.on("request", (request) => {
    const url = new URL(request.url());
    const local = url.hostname === "127.0.0.1" || ["blob:", "data:"].includes(url.protocol);
    if (!local) faults.foreign.push(request.url());
  });
  return faults;
}

export function assertFaultless(faults: Faults): void {
  assert.deepEqual(faults, { errors: [], foreign: [] });
}

/** Wait until something holds. */
export async function until<T>(
  what: string,
  look: () => Promise<T | undefined | false | null> | T | undefined | false | null,
  seconds = 20,
): Promise<T> {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const found = await look();
    if (found) return found;
    assert.ok(Date.now() < end, `${what}: not within ${seconds} s`);
    await new Promise((done) => setTimeout(done, 20));
  }
}

/** A database of the material that a test may change. */
export function copyOf(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), "libindex-page-"));
  const copy = join(folder, "library.db");
  copyFileSync(material(name), copy);
  return copy;
}

/** Ask the server as the page does, with its token. */
export async function ask<T>(page: Page, path: string, body?: unknown): Promise<T> {
  return page.evaluate(
    async ([path, body]) => {
      const headers: Record<string, string> = {
        Authorization: `Bearer ${localStorage.getItem("libindex-token")}`,
      };
      if (body !== undefined) headers["Content-Type"] = "application/json";
      const answer = await fetch(`/api/${path}`, {
        method: body === undefined ? "GET" : "POST",
        headers,
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      return answer.json();
    },
    [path, body] as const,
  ) as Promise<T>;
}

/** All sounds, as the page gets them. */
export async function pointsOf(page: Page): Promise<Table<PointsHeader>> {
  const data = await page.evaluate(async () => {
    const headers = { Authorization: `Bearer ${localStorage.getItem("libindex-token")}` };
    return [...new Uint8Array(await (await fetch("/api/points", { headers })).arrayBuffer())];
  });
  return readTable(Uint8Array.from(data).buffer);
}

/** What sounds: every start of a buffer, and the loudest value that reached the output. */
export interface Tape {
  starts: { at: number; peak: number; rms: number; gain: number; seconds: number }[];
  playing: number;
  most: number; // at once, fades left out
}

/** Record what the page plays, from before it is loaded. */
export async function tape(page: Page): Promise<void> {
  await page.addInitScript(() => {
    const tape = { starts: [] as object[], playing: 0, most: 0 };
    Object.assign(window, { tape });
    const { start, stop } = AudioBufferSourceNode.prototype;
    const { connect } = AudioNode.prototype;
    const gains = new WeakMap<AudioNode, GainNode>();
    const levels = new WeakMap<AudioParam, number>(); // that were set first
    const { setValueAtTime } = AudioParam.prototype;
    AudioParam.prototype.setValueAtTime = function (value: number, when: number) {
      if (!levels.has(this)) levels.set(this, value);
      return setValueAtTime.call(this, value, when);
    };
    AudioNode.prototype.connect = function (this: AudioNode, ...to: [never]) {
      if ((to[0] as unknown) instanceof GainNode) gains.set(this, to[0]);
      return connect.apply(this, to) as never;
    };
    const ringing = new Set<AudioBufferSourceNode>();
    AudioBufferSourceNode.prototype.start = function (...when: number[]) {
      const data = this.buffer!.getChannelData(0);
      let peak = 0;
      let sum = 0;
      for (const value of data) {
        peak = Math.max(peak, Math.abs(value));
        sum += value * value;
      }
      ringing.add(this);
      this.addEventListener("ended", () => ringing.delete(this));
      tape.most = Math.max(tape.most, ringing.size);
      const entry = {
        at: performance.now(),
        peak,
        rms: Math.sqrt(sum / data.length),
        gain: levels.get(gains.get(this)!.gain) ?? 1,
        seconds: this.buffer!.duration,
      };
      tape.starts.push(entry);
      start.apply(this, when as [number]);
    };
    AudioBufferSourceNode.prototype.stop = function (when?: number) {
      ringing.delete(this);
      stop.call(this, when);
    };
  });
}

export async function taped(page: Page): Promise<Tape> {
  return page.evaluate(() => (window as unknown as { tape: Tape }).tape);
}

/** Search, and wait until the list shows what was found, and no more than so many. */
export async function searchFor(page: Page, words: string, most: number): Promise<void> {
  await page.locator("[data-search]").fill(words);
  const shown = async () =>
    Number((await page.locator(".count b").textContent())!.replace(/\D/g, ""));
  await until(`${words} found`, async () => (await shown()) <= most);
  await until("the list", async () => {
    const rows = Number(await page.locator("[role=grid]").getAttribute("aria-rowcount")) - 1;
    return rows === (await shown());
  });
  await page.locator("[data-search]").blur();
}
