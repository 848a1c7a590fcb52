// The pads, with undo.

import { computed, signal } from "@preact/signals";
import type { Layout } from "./api.ts";
import { firstPattern } from "./sound/steps.ts";
import type { KitPad } from "./types.ts";

export interface Pads {
  layout: string;
  pads: readonly KitPad[];
  locked: ReadonlySet<number>; // keys
  steps: Readonly<Record<number, readonly boolean[]>>; // by key
}

const EMPTY: Pads = { layout: "", pads: [], locked: new Set(), steps: {} };
const MOST = 200;

export const layouts = signal<Layout[]>([]);
export const kit = signal<Pads>(EMPTY);
export const chosenPad = signal<number | null>(null);
export const bank = signal(0);
export const tempo = signal({ bpm: 96, swing: 0 });
export const step = signal(-1); // that plays now

const past: Pads[] = [];
let future: Pads[] = [];
let offered = new Set<number>(); // sounds that were swapped away

export function change(to: Partial<Pads>): void {
  past.push(kit.value);
  if (past.length > MOST) past.shift();
  future = [];
  kit.value = { ...kit.value, ...to };
}

/** Take another layout, with empty pads. */
export function begin({ name, pads }: Layout): void {
  const empty = { layout: name, pads, locked: new Set<number>(), steps: {} };
  if (kit.value === EMPTY)
    kit.value = empty; // there is nothing to come back to
  else change(empty);
}

/** Sounds for some pads, unless the layout is another one by now. */
export function take(layout: string, pads: readonly KitPad[], isFor: (key: number) => boolean) {
  if (layout !== kit.value.layout) return;
  const found = new Map(pads.map((pad) => [pad.key, pad]));
  const taken = kit.value.pads.map((pad) => (isFor(pad.key) && found.get(pad.key)) || pad);
  change({ pads: taken });
}

export function undoPads(): boolean {
  return moved(past, future);
}

export function redoPads(): boolean {
  return moved(future, past);
}

function moved(from: Pads[], to: Pads[]): boolean {
  const before = from.pop();
  if (!before) return false;
  to.push(kit.value);
  kit.value = before;
  return true;
}

export function withPad(key: number, id: number | null): readonly KitPad[] {
  return kit.value.pads.map((pad) => (pad.key === key ? { ...pad, id, probability: null } : pad));
}

export function toggleLock(key: number): void {
  const locked = new Set(kit.value.locked);
  if (!locked.delete(key)) locked.add(key);
  change({ locked });
}

/** The steps of a pad; at first only one pad of each class plays any. */
export function stepsOf(key: number): readonly boolean[] {
  const { pads, steps } = kit.value;
  if (steps[key]) return steps[key];
  const code = pads.find((pad) => pad.key === key)?.classes[0] ?? "";
  const first = pads.find((pad) => pad.id !== null && pad.classes[0] === code);
  return firstPattern(first?.key === key ? code : "");
}

export function toggleStep(key: number, number: number): void {
  const row = stepsOf(key);
  change({ steps: { ...kit.value.steps, [key]: row.map((on, at) => (at === number ? !on : on)) } });
}

/** Sounds by key, as the server takes them. */
export function soundsByKey(keys?: ReadonlySet<number>): Record<number, number> {
  const found: Record<number, number> = {};
  for (const { key, id } of kit.value.pads)
    if (id !== null && (!keys || keys.has(key))) found[key] = id;
  return found;
}

export function rememberOffered(ids: Iterable<number>): number[] {
  offered = new Set([...offered, ...ids]);
  return [...offered];
}

export function forgetOffered(): void {
  offered = new Set();
}

export const filled = computed(() => kit.value.pads.filter((pad) => pad.id !== null).length);

/** Sixteen pads for sixteen keys of the keyboard, as they lie there. */
export const PAD_KEYS = [..."zxcvasdfqwer1234"];

export function padAt(position: number): KitPad | undefined {
  return kit.value.pads[bank.value * 16 + position];
}
