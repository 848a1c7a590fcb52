// Which sounds are shown: the same as `libindex query` finds with the same filters.

import type { FilterBody, Understood } from "./api.ts";
import { Flag, UNKNOWN } from "./columns.ts";
import type { Points } from "./points.ts";
import type { Filters, Range } from "./state.ts";

export interface Shown {
  mask: Uint8Array; // 1 for each row that is shown
  count: number;
  byClass: Uint32Array; // how many each class would add, whatever classes are chosen
}

/** What the search box came to: sounds whose names match (null: all do), and its classes. */
export interface Searched {
  ids: Uint32Array | null;
  understood: readonly Understood[];
  problem: string | null;
  of: string; // the folder and the words
}

export const NOT_SEARCHED: Searched = { ids: null, understood: [], problem: null, of: "" };

interface Bounds {
  column: Uint8Array | Uint16Array;
  low: number;
  high: number;
  unknown: number; // passes; -1: nothing else does
}

/** Codes of the classes that are wanted: chosen ones, and those named in the search box. */
export function wantedClasses(filters: Filters, searched: Searched): Set<string> {
  const named = searched.understood.filter((one) => !one.not).flatMap((one) => one.classes);
  return new Set([...filters.classes, ...named]);
}

export function compute(
  points: Points,
  filters: Filters,
  searched: Searched,
  classes: readonly string[],
): Shown {
  const { length, cls, flags, added } = points;
  const mask = new Uint8Array(length);
  const byClass = new Uint32Array(Math.max(1, classes.length));
  if (searched.problem) return { mask, count: 0, byClass };
  const bounds = boundsOf(points, filters);
  const wanted = wantedClasses(filters, searched);
  const unwanted = new Set(
    searched.understood.filter((one) => one.not).flatMap((one) => one.classes),
  );
  const isOut = Uint8Array.from(classes, (code) => (unwanted.has(code) ? 1 : 0));
  const isIn = Uint8Array.from(classes, (code) => (!wanted.size || wanted.has(code) ? 1 : 0));
  const since = filters.addedDays === null ? 0 : firstDay(filters.addedDays);
  const names = searched.ids && rowsOf(points, searched.ids);
  const heard = filters.unheard ? Flag.heard : 0;
  let count = 0;
  next: for (let row = 0; row < length; row++) {
    if (names && !names[row]) continue;
    if (flags[row] & heard || added[row] < since || isOut[cls[row]]) continue;
    for (let number = 0; number < bounds.length; number++) {
      const { column, low, high, unknown } = bounds[number];
      const value = column[row];
      if ((value < low || value > high) && value !== unknown) continue next;
    }
    byClass[cls[row]]++;
    if (isIn[cls[row]]) {
      mask[row] = 1;
      count++;
    }
  }
  return { mask, count, byClass };
}

let lastRows: { points: Points; ids: Uint32Array; mask: Uint8Array } | null = null;

/** A mask of sounds; the last one is kept, since a slider asks for the same in every frame. */
function rowsOf(points: Points, ids: Uint32Array): Uint8Array {
  if (lastRows?.points !== points || lastRows.ids !== ids) {
    const mask = new Uint8Array(points.length);
    for (const id of ids) {
      const row = points.rowOf(id);
      if (row >= 0) mask[row] = 1;
    }
    lastRows = { points, ids, mask };
  }
  return lastRows.mask;
}

function boundsOf(points: Points, filters: Filters): Bounds[] {
  const found: Bounds[] = Object.entries(filters.ranges).map(([key, [low, high]]) => ({
    column: points.facet(key),
    low: low === null ? 0 : 2 * low + 1,
    high: high === null ? UNKNOWN.u16 - 1 : 2 * high + 1,
    unknown: -1,
  }));
  const level = (column: Uint8Array, low: number | null, unknown: number) => {
    if (low !== null) found.push({ column, low: 2 * low + 1, high: UNKNOWN.u8 - 1, unknown });
  };
  level(points.probability, filters.probability, -1);
  level(points.percussion, filters.percussion, UNKNOWN.u8);
  return found;
}

/**
 * The first day, since 1970, of the last so many. What was added is known by days of UTC; "today" is
 * the one in which it became today here, so that nothing of today is missing.
 */
export function firstDay(days: number, now = new Date()): number {
  const midnight = new Date(now.getFullYear(), now.getMonth(), now.getDate());
  return Math.floor(midnight.getTime() / 86_400_000) - days + 1;
}

/** The same filters for the server. */
export function toBody(filters: Filters, points: Points): FilterBody {
  const { words, without } = splitWords(filters.text);
  const body: FilterBody = { words, without, classes: [...filters.classes] };
  if (filters.probability !== null) body.min_prob = points.levels[filters.probability];
  if (filters.percussion !== null) body.min_percussion = points.levels[filters.percussion];
  if (filters.addedDays !== null) body.added_after = firstDay(filters.addedDays) * 86_400;
  if (filters.folder !== null) body.folder = filters.folder;
  if (filters.unheard) body.unheard = true;
  for (const [key, [low, high]] of Object.entries(filters.ranges)) {
    const { edges } = points.facets.find((facet) => facet.key === key)!;
    if (low !== null) body[`min_${key}`] = edges[low];
    if (high !== null) body[`max_${key}`] = edges[high];
  }
  return body;
}

/** As libindex/serve/routes/searching.py takes the line apart. */
export function splitWords(line: string): { words: string[]; without: string[] } {
  const found = { words: [] as string[], without: [] as string[] };
  for (const [, minus, quoted, plain] of line.matchAll(/(-?)(?:"([^"]*)"?|(\S+))/g)) {
    const word = quoted || plain;
    if (word && word !== "-") (minus ? found.without : found.words).push(word);
  }
  return found;
}

export function isFiltered(filters: Filters): boolean {
  return (
    filters.text.trim() !== "" ||
    filters.classes.length > 0 ||
    Object.keys(filters.ranges).length > 0 ||
    filters.probability !== null ||
    filters.percussion !== null ||
    filters.addedDays !== null ||
    filters.folder !== null ||
    filters.unheard
  );
}

/** Ranges with one changed; a range with both ends open is none. */
export function withRange(
  ranges: Filters["ranges"],
  key: string,
  range: Range,
): Record<string, Range> {
  const { [key]: _, ...others } = ranges;
  return range[0] === null && range[1] === null ? others : { ...others, [key]: range };
}

/** Rows that are shown, sorted by small numbers; equal ones in order of row, unknown ones last. */
export function sorted(
  mask: Uint8Array,
  count: number,
  keys: Uint8Array | Uint16Array | Uint32Array,
  falling: boolean,
  unknown = -1,
): Uint32Array {
  let largest = 0;
  for (let row = 0; row < mask.length; row++)
    if (mask[row] && keys[row] > largest && keys[row] !== unknown) largest = keys[row];
  const bucket = (key: number) => (key === unknown ? largest + 1 : falling ? largest - key : key);
  const starts = new Uint32Array(largest + 3);
  for (let row = 0; row < mask.length; row++) if (mask[row]) starts[bucket(keys[row]) + 1]++;
  for (let key = 1; key < starts.length; key++) starts[key] += starts[key - 1];
  const rows = new Uint32Array(count);
  for (let row = 0; row < mask.length; row++)
    if (mask[row]) rows[starts[bucket(keys[row])]++] = row;
  return rows;
}
