// Draws the points into pixels. No WebGL: this is fast enough everywhere, and the same everywhere.
//
// Points come in an order that has nothing to do with the sounds, so any beginning is a fair
// sample: while the map moves, only that is drawn. Where many share a pixel, the last one's
// colour stays, which mixes the colours as they are mixed there, and their number makes it brighter.

import type { Points } from "../points.ts";
import type { View } from "../state.ts";
import { mixed, pixel, type Theme } from "./colours.ts";

export const WHILE_MOVING = 150_000;

const WIDTH = 65_535;
const LEVELS = 16; // of brightness
const FADED = 0.65; // of what was heard, or is away
const HEARD = 4;
const OFFLINE = 1;

export interface Size {
  width: number; // device pixels
  height: number;
  dpr: number;
}

const MARGIN = 0.03; // of the canvas, around the whole map
const MOST_STRETCHED = 3;

/** From places to device pixels: the map takes the shape of the canvas, within reason. */
export function projection(view: View, size: Size) {
  const [scaleX, scaleY] = scales(view.zoom, size);
  return {
    scaleX,
    scaleY,
    left: size.width / 2 - view.x * WIDTH * scaleX,
    top: size.height / 2 - view.y * WIDTH * scaleY,
  };
}

/** Device pixels for a step of a place, across and down. */
function scales(zoom: number, { width, height }: Size): [number, number] {
  const short = Math.min(width, height);
  const scale = (side: number) =>
    (Math.min(side, short * MOST_STRETCHED) * (1 - 2 * MARGIN) * zoom) / WIDTH;
  return [scale(width), scale(height)];
}

/** The radius of a point: what keeps neighbours apart, as far as there is room. */
export function radiusOf(count: number, view: View, size: Size): number {
  const [scaleX, scaleY] = scales(view.zoom, size);
  const spacing = (WIDTH * Math.sqrt(scaleX * scaleY)) / Math.sqrt(Math.max(1, count));
  return Math.min(5 * size.dpr, Math.max(0.5 * size.dpr, 0.25 * spacing));
}

export class Pixels {
  private image: ImageData | null = null;
  private counts = new Uint8Array(0);
  private disc: { dx: Int16Array; dy: Int16Array; alpha: Float32Array; radius: number } | null =
    null;

  /** Draw the first `limit` rows; returns the image. */
  draw(
    points: Points,
    mask: Uint8Array,
    familyOf: Uint8Array,
    view: View,
    size: Size,
    theme: Theme,
    limit = points.length,
  ): ImageData {
    const { width, height } = size;
    if (this.image?.width !== width || this.image.height !== height) {
      this.image = new ImageData(width, height);
      this.counts = new Uint8Array(width * height);
    }
    const out = new Uint32Array(this.image.data.buffer);
    const background = pixel(theme.background);
    out.fill(background);
    const count = Math.min(limit, points.length);
    const radius = radiusOf(points.length, view, size);
    const dim = pixel(theme.dim);
    const hasMask = mask.length === points.length;
    const small = Math.min(0.55 * radius, 2 * size.dpr);
    if (hasMask) this.scatter(points, mask, 0, count, view, size, small, out, () => dim);
    // Among few that are looked for, those that were heard are no less wanted.
    const fades = hasMask && mask.includes(0) ? OFFLINE : HEARD | OFFLINE;
    const colours = palette(theme, background);
    this.counts.fill(0);
    const { counts } = this;
    const { cls, flags } = points;
    const shade = (row: number, at: number) => {
      const level = Math.min(LEVELS - 1, counts[at]);
      if (counts[at] < 255) counts[at]++;
      const faded = flags[row] & fades ? 1 : 0;
      return colours[((familyOf[cls[row]] * 2 + faded) * LEVELS + level) | 0];
    };
    this.scatter(points, hasMask ? mask : null, 1, count, view, size, radius, out, shade);
    return this.image;
  }

  private scatter(
    points: Points,
    mask: Uint8Array | null,
    wanted: number,
    count: number,
    view: View,
    size: Size,
    radius: number,
    out: Uint32Array,
    colour: (row: number, at: number) => number,
  ): void {
    const { width, height } = size;
    const { scaleX, scaleY, left, top } = projection(view, size);
    const { x, y } = points;
    const edge = Math.ceil(radius);
    const disc = radius > 1 ? this.discOf(radius) : null;
    for (let row = 0; row < count; row++) {
      if (mask && mask[row] !== wanted) continue;
      const px = (x[row] * scaleX + left) | 0;
      const py = (y[row] * scaleY + top) | 0;
      if (px < edge || py < edge || px >= width - edge || py >= height - edge) continue;
      const at = py * width + px;
      const value = colour(row, at);
      if (!disc) {
        out[at] = value;
        continue;
      }
      const { dx, dy, alpha } = disc;
      for (let number = 0; number < dx.length; number++) {
        const to = at + dy[number] * width + dx[number];
        out[to] = alpha[number] >= 1 ? value : blended(out[to], value, alpha[number]);
      }
    }
  }

  /** The pixels of a disc, with how much of each it covers. */
  private discOf(radius: number) {
    if (this.disc?.radius === radius) return this.disc;
    const reach = Math.ceil(radius);
    const dx: number[] = [];
    const dy: number[] = [];
    const alpha: number[] = [];
    for (let y = -reach; y <= reach; y++)
      for (let x = -reach; x <= reach; x++) {
        const cover = Math.min(1, radius + 0.5 - Math.hypot(x, y));
        if (cover <= 0.05) continue;
        dx.push(x);
        dy.push(y);
        alpha.push(cover);
      }
    this.disc = {
      dx: Int16Array.from(dx),
      dy: Int16Array.from(dy),
      alpha: Float32Array.from(alpha),
      radius,
    };
    return this.disc;
  }
}

/** Two pixels mixed, in integers. */
function blended(below: number, above: number, alpha: number): number {
  const part = (alpha * 256) | 0;
  const rest = 256 - part;
  const even = (((below & 0xff00ff) * rest + (above & 0xff00ff) * part) >>> 8) & 0xff00ff;
  const green = (((below & 0x00ff00) * rest + (above & 0x00ff00) * part) >>> 8) & 0x00ff00;
  return (0xff000000 | even | green) >>> 0;
}

/** Colours by family, whether it is faded, and how many sounds share the pixel. */
function palette(theme: Theme, background: number): Uint32Array {
  const found = new Uint32Array(theme.families.length * 2 * LEVELS);
  const ink = pixel(theme.ink);
  theme.families.forEach((colour, family) => {
    for (const faded of [0, 1])
      for (let level = 0; level < LEVELS; level++) {
        const share = Math.log1p(level) / Math.log(LEVELS);
        const base = mixed(background, pixel(colour), faded ? FADED : 0.86 + 0.14 * share);
        const lit = level > 3 && !faded ? mixed(base, ink, 0.35 * share) : base;
        found[(family * 2 + faded) * LEVELS + level] = lit;
      }
  });
  return found;
}
