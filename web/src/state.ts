// The state of the page: signals, and what follows from them. No requests and no drawing here.

import { computed, signal } from "@preact/signals";
import { NOT_SEARCHED, type Searched, type Shown } from "./filtering.ts";
import type { Points } from "./points.ts";
import type { Drawing, LibraryInfo, Similar, Watching } from "./types.ts";

/** Both ends of a range, as indices of a facet's edges; null leaves an end open. */
export type Range = [low: number | null, high: number | null];

export interface Filters {
  text: string; // of the search box
  classes: readonly string[]; // codes; empty: all
  ranges: Readonly<Record<string, Range>>; // by facet key
  probability: number | null; // index of an edge of `levels`, at least that of 0.5
  percussion: number | null; // the same, of any level
  addedDays: number | null; // added in the last so many days
  folder: string | null; // id that /api/folders gave
  unheard: boolean;
}

export const NO_FILTERS: Filters = {
  text: "",
  classes: [],
  ranges: {},
  probability: null,
  percussion: null,
  addedDays: null,
  folder: null,
  unheard: false,
};

/** The centre, from 0 to 1, and how many times the whole map it is enlarged. */
export interface View {
  x: number;
  y: number;
  zoom: number;
}

export type Sort = { key: string; reverse: boolean }; // "prob", "name", "added", or a facet's word

/** What the list shows: all that match, or what is similar to something. */
export type Listing =
  | { kind: "all" }
  | { kind: "similar"; title: string; found: Similar[] }
  | { kind: "ids"; title: string; ids: ReadonlySet<number> };

export const library = signal<LibraryInfo | null>(null);
export const points = signal<Points | null>(null);
export const filters = signal<Filters>(NO_FILTERS);
/** What the search box came to. */
export const searched = signal<Searched>(NOT_SEARCHED);
/** Which rows of `points` are shown. */
export const shown = signal<Shown>({
  mask: new Uint8Array(0),
  count: 0,
  byClass: new Uint32Array(30),
});
export const listing = signal<Listing>({ kind: "all" });
export const sort = signal<Sort>({ key: "prob", reverse: false });
/** Rows of `points` in the order of the list. */
export const order = signal<Uint32Array>(new Uint32Array(0));
/** The sound that keys act on: its id, or 0 for none. */
export const cursor = signal(0);
export const selection = signal<ReadonlySet<number>>(new Set());
export const hover = signal(0);
export const view = signal<View>({ x: 0.5, y: 0.5, zoom: 1 });
export const playing = signal<ReadonlySet<number>>(new Set());
/** Whether the browser lets sound out: it asks for a click or a key first. */
export const canSound = signal(false);
export const watching = signal<Watching>({ state: "off", doing: "", trouble: null });
export const drawing = signal<Drawing>({ action: null, part: 0, trouble: null });
/** How many new sounds wait until the list is looked at anew. */
export const waiting = signal(0);
export const message = signal<{ text: string; kind: "done" | "error"; undo?: () => void } | null>(
  null,
);
/** What a screen reader says. */
export const announcement = signal("");
/** Why the server does not answer: it has ended, or was started again and does not know us. */
export const away = signal<"" | "ended" | "restarted">("");
/** What is open besides the list and the map. */
export const drawer = signal<"none" | "pads" | "shelf">("none");
export const helpOpen = signal(false);
/** Whether keys play pads. */
export const padMode = signal(false);
/** Whether the next drag on the map draws a lasso. */
export const isLassoing = signal(false);

export interface Preferences {
  hover: boolean; // pointing plays
  dwellMs: number;
  matchLevels: boolean;
  volume: number; // 0 to 1
  theme: "auto" | "dark" | "light";
  output: string; // a device's id; "": the system's
  overlap: boolean; // let sounds ring together
  speak: boolean; // announce while sound plays
  layout: string; // of the pads
}
export const preferences = signal<Preferences>({
  hover: true,
  dwellMs: 40,
  matchLevels: true,
  volume: 0.8,
  theme: "auto",
  output: "",
  overlap: false,
  speak: false,
  layout: "24",
});

/** What the list and the keys act on: the selection, or the sound under the cursor. */
export const chosen = computed<number[]>(() =>
  selection.value.size ? [...selection.value] : cursor.value ? [cursor.value] : [],
);
