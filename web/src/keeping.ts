// What survives a reload and a browser that was killed: the pads, and, for the tab, what is shown.
//
// Ids are of one library, so all of it is kept under the library's own name.

import { batch, effect } from "@preact/signals";
import type { Layout } from "./api.ts";
import { kit, type Pads, tempo } from "./kit.ts";
import type { Points } from "./points.ts";
import { cursor, type Filters, filters, NO_FILTERS, type Sort, sort, view } from "./state.ts";
import { complain } from "./store.ts";

interface KeptPads {
  layout: string;
  sounds: Record<string, number>; // ids by key
  locked: number[];
  steps: Pads["steps"];
  tempo: { bpm: number; swing: number };
}

interface KeptLook {
  filters: Filters;
  sort: Sort;
  view: typeof view.value;
  cursor: number;
}

/** The pads as text. */
export function packed({ layout, pads, locked, steps }: Pads, beat = tempo.value): string {
  const sounds = Object.fromEntries(
    pads.flatMap(({ key, id }) => (id === null ? [] : [[key, id]])),
  );
  const kept: KeptPads = { layout, sounds, locked: [...locked], steps, tempo: beat };
  return JSON.stringify(kept);
}

/** The pads that a text stands for; null if there are none, or their layout is gone. */
export function unpacked(
  text: string | null,
  layouts: readonly Layout[],
  isThere: (id: number) => boolean,
): { pads: Pads; tempo: KeptPads["tempo"] } | null {
  const kept = parsed<KeptPads>(text);
  const layout = layouts.find((one) => one.name === kept?.layout);
  if (!kept || !layout) return null;
  const { sounds = {}, locked = [], steps = {}, tempo: beat = tempo.value } = kept;
  const pads = layout.pads.map((pad) => {
    const id = sounds[pad.key] ?? null;
    return { ...pad, id: id !== null && isThere(id) ? id : null, probability: null };
  });
  return { pads: { layout: layout.name, pads, locked: new Set(locked), steps }, tempo: beat };
}

function parsed<Kept>(text: string | null): Kept | null {
  try {
    const found = JSON.parse(text ?? "null");
    return typeof found === "object" ? (found as Kept) : null;
  } catch {
    return null; // of another version
  }
}

/** Have the pads as they were, in this library. */
export function restorePads(library: string, layouts: readonly Layout[], all: Points): boolean {
  const text = localStorage.getItem(`libindex-pads-${library}`);
  const found = unpacked(text, layouts, (id) => all.rowOf(id) >= 0);
  if (!found) return false;
  kit.value = found.pads;
  tempo.value = found.tempo;
  return true;
}

/** Show what this tab showed before, and note from now on what is to be kept. */
export function keep(library: string, all: Points): void {
  const look = `libindex-look-${library}`;
  const kept = parsed<KeptLook>(sessionStorage.getItem(look));
  if (kept)
    batch(() => {
      const { ranges = {}, ...others } = kept.filters ?? {};
      const known = Object.entries(ranges).filter(([key]) =>
        all.facets.some((facet) => facet.key === key),
      );
      filters.value = { ...NO_FILTERS, ...others, ranges: Object.fromEntries(known) };
      sort.value = kept.sort ?? sort.value;
      view.value = kept.view ?? view.value;
      if (all.rowOf(kept.cursor) >= 0) cursor.value = kept.cursor;
    });
  let timer: ReturnType<typeof setTimeout>;
  effect(() => {
    const now: KeptLook = {
      filters: filters.value,
      sort: sort.value,
      view: view.value,
      cursor: cursor.value,
    };
    // While something is dragged it is another one in every frame.
    clearTimeout(timer);
    timer = setTimeout(() => store(sessionStorage, look, JSON.stringify(now)), 200);
  });
  effect(() => {
    const text = packed(kit.value, tempo.value);
    if (kit.value.layout) store(localStorage, `libindex-pads-${library}`, text);
  });
}

function store(where: Storage, key: string, text: string): void {
  try {
    where.setItem(key, text);
  } catch (error) {
    complain(error); // the browser's storage is full
  }
}
