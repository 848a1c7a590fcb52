// Points for tests.
import type { Column, Facet } from "../src/columns.ts";
import { Points } from "../src/points.ts";
import type { PointsHeader } from "../src/types.ts";

const LENGTH: Facet = {
  key: "duration_s",
  word: "duration",
  label: "length",
  unit: "s",
  low: "short",
  high: "long",
  edges: [0.1, 0.2, 0.5, 1],
};

export const HEADER: PointsHeader = {
  revision: "a-1",
  whole: true,
  network: "",
  map: 1,
  facets: [LENGTH],
  levels: Array.from({ length: 101 }, (_, number) => number / 100),
  gone: [],
  columns: [],
};

/** The same numbers for the same seed (mulberry32). */
export function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function columns(count: number, seed = 1): Record<string, Column> {
  const next = random(seed);
  const numbers = (below: number) =>
    Array.from({ length: count }, () => Math.floor(next() * below));
  return {
    id: Uint32Array.from({ length: count }, (_, row) => 3 * row + 1),
    x: Uint16Array.from(numbers(65_536)),
    y: Uint16Array.from(numbers(65_536)),
    added: Uint16Array.from(numbers(20_000)),
    duration_s: Uint16Array.from(numbers(9)),
    class: Uint8Array.from(numbers(4)),
    probability: Uint8Array.from(numbers(203)),
    percussion: Uint8Array.from(numbers(203)),
    flags: Uint8Array.from(numbers(16)),
  };
}

export function points(count: number, seed = 1): Points {
  return new Points(columns(count, seed), HEADER);
}
