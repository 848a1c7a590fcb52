// Names on the map: those of large regions first, none over another.

import type { Region } from "../types.ts";

export interface Label {
  code: string; // of the class
  text: string;
  x: number; // device pixels, of the middle
  y: number;
  size: number; // of the letters
}

const GAP = 6;

/** Which names fit, given how wide they are. */
export function placed(
  regions: readonly Region[],
  name: (code: string) => string,
  toPixels: (x: number, y: number) => [number, number],
  bounds: { width: number; height: number; dpr: number; zoom: number },
  measure: (text: string, size: number) => number,
): Label[] {
  const found: Label[] = [];
  // On a large map they are larger, but not as much.
  const side = Math.min(bounds.width, bounds.height) / bounds.dpr;
  const larger = Math.min(1.8, Math.max(0.8, Math.sqrt(side / 600)));
  const boxes: [number, number, number, number][] = [];
  for (const region of regions) {
    const size = letters(region, bounds.zoom) * bounds.dpr * larger;
    const text = name(region.code).toUpperCase();
    const [x, y] = toPixels(region.x, region.y);
    const half = measure(text, size) / 2 + GAP;
    const box: (typeof boxes)[number] = [x - half, y - size, x + half, y + size];
    const isOut = box[0] < 0 || box[1] < 0 || box[2] > bounds.width || box[3] > bounds.height;
    const isOver = boxes.some(
      (other) => box[0] < other[2] && box[2] > other[0] && box[1] < other[3] && box[3] > other[1],
    );
    if (isOut || isOver) continue;
    boxes.push(box);
    found.push({ code: region.code, text, x, y, size });
  }
  return found;
}

function letters(region: Region, zoom: number): number {
  return Math.min(17, Math.max(9.5, (8.5 + 14 * region.size) * Math.min(1.5, 0.85 + 0.15 * zoom)));
}
