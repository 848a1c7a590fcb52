// Finds sounds by place: a grid of cells, each with its rows.

import type { Points } from "../points.ts";

const CELLS = 256; // across
const SHIFT = 8; // 65,536 / CELLS = 2 ** SHIFT

export type Direction = "left" | "right" | "up" | "down";

const STEPS = { left: [-1, 0], right: [1, 0], up: [0, -1], down: [0, 1] } as const;

export class Grid {
  private readonly starts = new Int32Array(CELLS * CELLS + 1);
  private readonly rows: Int32Array;

  constructor(private readonly points: Points) {
    const { x, y, length } = points;
    const cells = new Uint16Array(length);
    for (let row = 0; row < length; row++) {
      cells[row] = (y[row] >> SHIFT) * CELLS + (x[row] >> SHIFT);
      this.starts[cells[row] + 1]++;
    }
    for (let cell = 0; cell < CELLS * CELLS; cell++) this.starts[cell + 1] += this.starts[cell];
    const next = this.starts.slice();
    this.rows = new Int32Array(length);
    for (let row = 0; row < length; row++) this.rows[next[cells[row]]++] = row;
  }

  /** Call a function for each row in a rectangle of places, and some around it. */
  private inside(
    left: number,
    top: number,
    right: number,
    bottom: number,
    each: (row: number) => void,
  ) {
    const clamp = (value: number) => Math.min(CELLS - 1, Math.max(0, Math.floor(value) >> SHIFT));
    const [from, to] = [clamp(left), clamp(right)];
    for (let line = clamp(top); line <= clamp(bottom); line++)
      for (let at = this.starts[line * CELLS + from]; at < this.starts[line * CELLS + to + 1]; at++)
        each(this.rows[at]);
  }

  /** The rows in a rectangle. */
  within(left: number, top: number, right: number, bottom: number, mask: Uint8Array): number[] {
    const { x, y } = this.points;
    const found: number[] = [];
    this.inside(left, top, right, bottom, (row) => {
      const isIn = x[row] >= left && x[row] <= right && y[row] >= top && y[row] <= bottom;
      if (isIn && mask[row]) found.push(row);
    });
    return found;
  }

  /** The row that is nearest to a place, at most so far down, or -1; `stretch` is across to down. */
  nearest(px: number, py: number, radius: number, mask: Uint8Array, stretch = 1): number {
    const { x, y } = this.points;
    let best = -1;
    for (let reach = Math.min(radius, 1 << SHIFT); ; reach = Math.min(radius, reach * 2)) {
      let least = reach * reach;
      const wide = reach / stretch;
      this.inside(px - wide, py - reach, px + wide, py + reach, (row) => {
        if (!mask[row]) return;
        const distance = ((x[row] - px) * stretch) ** 2 + (y[row] - py) ** 2;
        if (distance <= least) {
          least = distance;
          best = row;
        }
      });
      if (best >= 0 || reach >= radius) return best;
    }
  }

  /** The nearest rows, the nearest first. */
  around(px: number, py: number, count: number, mask: Uint8Array): number[] {
    const { x, y } = this.points;
    for (let reach = 1 << SHIFT; ; reach *= 2) {
      const found = this.within(px - reach, py - reach, px + reach, py + reach, mask);
      if (found.length >= count || reach > 65_536) {
        const far = (row: number) => (x[row] - px) ** 2 + (y[row] - py) ** 2;
        return found.sort((a, b) => far(a) - far(b)).slice(0, count);
      }
    }
  }

  /** Where an arrow key goes: the nearest row that way; what lies aside counts as further. */
  towards(from: number, direction: Direction, mask: Uint8Array): number {
    const { x, y } = this.points;
    const [stepX, stepY] = STEPS[direction];
    for (let reach = 2 << SHIFT; reach <= 131_072; reach *= 2) {
      let best = -1;
      let least = Number.POSITIVE_INFINITY;
      this.inside(x[from] - reach, y[from] - reach, x[from] + reach, y[from] + reach, (row) => {
        if (!mask[row] || row === from) return;
        const [dx, dy] = [x[row] - x[from], y[row] - y[from]];
        const ahead = dx * stepX + dy * stepY;
        const aside = Math.abs(dx * stepY) + Math.abs(dy * stepX);
        if (ahead <= 0 || aside > ahead) return;
        const cost = ahead + 2 * aside;
        if (cost < least) {
          least = cost;
          best = row;
        }
      });
      if (best >= 0 && least <= reach) return best;
      if (best >= 0 && reach > 65_536) return best;
    }
    return -1;
  }
}
