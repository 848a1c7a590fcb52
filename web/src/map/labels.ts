// Names on the map: those of large regions first, none over another.

import type { Region } from "../types.ts";

export interface Label {
  code: string; // of the class
  text: string;
  x: number; // device pixels, of the middle
  y: number;
  size: number; // of the letters
}

type Box = readonly [left: number, top: number, right: number, bottom: number];

const GAP = 6;
const SHIFTS = [0, -1.7, 1.7, -2.6, 2.6]; // of a name that would lie over sounds, in letters

/**
 * Which names fit, given how wide they are.
 *
 * Where there are few sounds, their `spots` are known, and names make way for them.
 */
export function placed(
  regions: readonly Region[],
  name: (code: string) => string,
  toPixels: (x: number, y: number) => [number, number],
  bounds: { width: number; height: number; dpr: number; zoom: number },
  measure: (text: string, size: number) => number,
  spots: readonly (readonly [number, number])[] = [],
): Label[] {
  const found: Label[] = [];
  // On a large map they are larger, but not as much.
  const side = Math.min(bounds.width, bounds.height) / bounds.dpr;
  const larger = Math.min(1.8, Math.max(0.8, Math.sqrt(side / 600)));
  const boxes: Box[] = [];
  const isFree = (box: Box) =>
    box[0] >= 0 &&
    box[1] >= 0 &&
    box[2] <= bounds.width &&
    box[3] <= bounds.height &&
    !boxes.some((other) => overlap(box, other));
  const hidden = (box: Box) => spots.filter(([x, y]) => overlap(box, [x, y, x, y])).length;
  for (const region of regions) {
    const size = letters(region, bounds.zoom) * bounds.dpr * larger;
    const text = name(region.code).toUpperCase();
    const [x, middle] = toPixels(region.x, region.y);
    const half = measure(text, size) / 2 + GAP;
    let best: { y: number; box: Box; hides: number } | null = null;
    for (const shift of spots.length ? SHIFTS : [0]) {
      const y = middle + shift * size;
      const box: Box = [x - half, y - size, x + half, y + size];
      if (!isFree(box)) continue;
      const hides = hidden(box);
      if (!best || hides < best.hides) best = { y, box, hides };
      if (!hides) break;
    }
    if (!best) continue;
    boxes.push(best.box);
    found.push({ code: region.code, text, x, y: best.y, size });
  }
  return found;
}

function overlap(one: Box, other: Box): boolean {
  return one[0] < other[2] && one[2] > other[0] && one[1] < other[3] && one[3] > other[1];
}

function letters(region: Region, zoom: number): number {
  return Math.min(17, Math.max(9.5, (8.5 + 14 * region.size) * Math.min(1.5, 0.85 + 0.15 * zoom)));
}
