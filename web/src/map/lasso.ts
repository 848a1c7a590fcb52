// Which sounds lie in a shape drawn on the map.

import type { Points } from "../points.ts";

export interface Spot {
  x: number; // a place, 0 to 65535
  y: number;
}

const SIZE = 1024; // of the raster that the shape is drawn into
const SHIFT = 6; // 65,536 / SIZE = 2 ** SHIFT

/** Ids of the rows in a closed shape that are shown: by a raster, whose cells are 1/1024. */
export function inShape(points: Points, shape: readonly Spot[], mask: Uint8Array): Uint32Array {
  const raster = filled(shape);
  const { x, y, id, length } = points;
  const found: number[] = [];
  for (let row = 0; row < length; row++)
    if (mask[row] && raster[(y[row] >> SHIFT) * SIZE + (x[row] >> SHIFT)]) found.push(id[row]);
  return Uint32Array.from(found);
}

/** A shape as a raster, by the even-odd rule at the middle of each line of cells. */
function filled(shape: readonly Spot[]): Uint8Array {
  const raster = new Uint8Array(SIZE * SIZE);
  const scale = 1 / (1 << SHIFT);
  for (let line = 0; line < SIZE; line++) {
    const middle = line + 0.5;
    const crossings: number[] = [];
    for (let corner = 0; corner < shape.length; corner++) {
      const a = shape[corner];
      const b = shape[(corner + 1) % shape.length];
      const [ay, by] = [a.y * scale, b.y * scale];
      if (ay <= middle === by <= middle) continue;
      crossings.push((a.x + ((b.x - a.x) * (middle - ay)) / (by - ay)) * scale);
    }
    crossings.sort((one, other) => one - other);
    for (let pair = 0; pair + 1 < crossings.length; pair += 2) {
      const from = Math.max(0, Math.round(crossings[pair]));
      const to = Math.min(SIZE, Math.round(crossings[pair + 1]));
      if (from < to) raster.fill(1, line * SIZE + from, line * SIZE + to);
    }
  }
  return raster;
}

/** A circle as a shape, for those who draw with keys. */
export function circle(middle: Spot, radius: number): Spot[] {
  return Array.from({ length: 48 }, (_, number) => {
    const angle = (number / 24) * Math.PI;
    return { x: middle.x + radius * Math.cos(angle), y: middle.y + radius * Math.sin(angle) };
  });
}
