// Outlines of sounds: fetched many at a time, and drawn.

import { signal } from "@preact/signals";

export const COLUMNS = 96;

/** Raised when more outlines came. */
export const outlinesCame = signal(0);

interface Reply {
  found: Map<number, Int8Array>;
  failed: number[]; // can't be drawn now; the others were too many at once
}

export class Outlines {
  private readonly known = new Map<number, Int8Array | null>(); // null: it can't be drawn
  private asked = new Set<number>();
  private isBusy = false;

  constructor(private readonly fetch: (ids: number[]) => Promise<Reply>) {}

  /** The outline of a sound; if it is not known yet, it is asked for. */
  get(id: number): Int8Array | null {
    const found = this.known.get(id);
    if (found === undefined && !this.asked.has(id)) {
      this.asked.add(id);
      queueMicrotask(() => this.load());
    }
    return found ?? null;
  }

  /** Ask again for those that could not be drawn: their drive may be back. */
  retry(): void {
    for (const [id, outline] of this.known) if (!outline) this.known.delete(id);
    outlinesCame.value++;
  }

  private async load(): Promise<void> {
    if (this.isBusy || !this.asked.size) return;
    this.isBusy = true;
    const ids = [...this.asked].slice(-200); // what is seen now was asked for last
    try {
      const { found, failed } = await this.fetch(ids);
      for (const [id, outline] of found) this.known.set(id, outline);
      for (const id of failed) this.known.set(id, null);
      for (const id of [...found.keys(), ...failed]) this.asked.delete(id);
      if (!found.size && !failed.length) this.asked.clear(); // it would never end
      outlinesCame.value++;
    } catch {
      this.asked.clear(); // those that are still seen are asked for again
    } finally {
      this.isBusy = false;
    }
    if (this.asked.size) this.load();
  }
}

interface Look {
  outline: Int8Array | null;
  colour: string; // "": that of the text
  progress: number | null; // what was played already is brighter
}

interface Drawn extends Look {
  width: number;
  height: number;
}

const pending = new Map<HTMLCanvasElement, Look>();
const drawn = new WeakMap<HTMLCanvasElement, Drawn>();

/** Draw an outline over a whole canvas in the next frame. */
export function drawOutline(canvas: HTMLCanvasElement, look: Look): void {
  if (!pending.size) requestAnimationFrame(drawPending);
  pending.set(canvas, look);
}

/** Measure all of them first: after a change the browser would lay the page out for each. */
function drawPending(): void {
  const dpr = Math.min(devicePixelRatio, 3);
  const all = [...pending].filter(([canvas]) => canvas.isConnected);
  pending.clear();
  const measured = all.map(([canvas, look]): [HTMLCanvasElement, Drawn] => {
    const width = Math.round(canvas.clientWidth * dpr);
    const height = Math.round(canvas.clientHeight * dpr);
    const colour = look.colour || getComputedStyle(canvas).color;
    return [canvas, { ...look, width, height, colour }];
  });
  for (const [canvas, wanted] of measured) {
    const last = drawn.get(canvas);
    const keys = Object.keys(wanted) as (keyof Drawn)[];
    if (last && keys.every((key) => last[key] === wanted[key])) continue;
    drawn.set(canvas, wanted);
    draw(canvas, wanted, dpr);
  }
}

function draw(canvas: HTMLCanvasElement, wanted: Drawn, dpr: number): void {
  const { outline, colour, progress, width, height } = wanted;
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  const context = canvas.getContext("2d")!;
  context.clearRect(0, 0, width, height);
  context.fillStyle = colour;
  const middle = height / 2;
  if (!outline) {
    context.globalAlpha = 0.3;
    context.fillRect(0, Math.floor(middle), width, Math.max(1, dpr));
    context.globalAlpha = 1;
    return;
  }
  const scale = (height / 2 - dpr) / 127;
  for (let x = 0; x < width; x++) {
    const column = Math.min(COLUMNS - 1, Math.floor((x / width) * COLUMNS));
    const low = outline[2 * column] * scale;
    const high = outline[2 * column + 1] * scale;
    context.globalAlpha = progress === null || x / width <= progress ? 1 : 0.45;
    context.fillRect(x, middle - high, 1, Math.max(dpr, high - low));
  }
  context.globalAlpha = 1;
}
