// What keys and buttons do.

import { batch } from "@preact/signals";
import { ApiFailure, api } from "./api.ts";
import { Flag } from "./columns.ts";
import { splitWords, toBody } from "./filtering.ts";
import { history } from "./history.ts";
import { restorePads } from "./keeping.ts";
import * as pads from "./kit.ts";
import type { Direction } from "./map/grid.ts";
import { circle, inShape } from "./map/lasso.ts";
import { map } from "./map/MapPanel.tsx";
import {
  announcement,
  chosen,
  cursor,
  drawer,
  type Filters,
  filters,
  helpOpen,
  hover,
  isLassoing,
  library,
  listing,
  NO_FILTERS,
  order,
  padMode,
  playing,
  points,
  preferences,
  selection,
  shown,
  view,
} from "./state.ts";
import { cache, complain, fetchRows, player, rowOf, say } from "./store.ts";
import { count, measured, percent } from "./words.ts";

// Hearing

const AHEAD = 12; // sounds that are fetched before they are asked for

export function hear(id: number): void {
  if (id) player.play(id);
}

/** Put the cursor on a sound, and play it. */
export function visit(id: number, isHeard = true): void {
  if (!id) return;
  cursor.value = id;
  if (isHeard) hear(id);
  void prefetch(id, () => beside(id));
  void announce(id);
}

/** Fetch what may be asked for after a sound, once that one is there: it comes first. */
async function prefetch(id: number, near: () => number[]): Promise<void> {
  await cache.get(id).catch(() => {}); // whoever plays it complains
  if (id === cursor.value || id === hover.value)
    cache.ahead([...near(), ...(map?.around(id, AHEAD) ?? [])]);
}

/** The sounds above and below in the list. */
function beside(id: number): number[] {
  const all = points.value;
  const at = all ? order.value.indexOf(all.rowOf(id)) : -1;
  return at < 0
    ? []
    : [...order.value.slice(Math.max(0, at - 3), at + 7)].map((row) => all!.id[row]);
}

/** Have a screen reader say what the cursor is on. */
async function announce(id: number): Promise<void> {
  if (playing.value.size && !preferences.value.speak) return;
  await fetchRows([id]).catch(complain);
  const row = rowOf(id);
  if (!row || id !== cursor.value) return;
  const name = library.value?.network?.classes.find((one) => one.code === row.class)?.name;
  const length = measured(row.facts.duration_s as number | null, "s");
  announcement.value = `${row.name}, ${name}, ${percent(row.probability)}, ${length}`;
}

export function again(): void {
  hear(cursor.value);
}

export function hearOrStop(): void {
  if (player.isSounding) player.stop();
  else again();
}

/** The next sound of the list, or the one before. */
export function step(by: number, isExtended = false): void {
  const all = points.value;
  if (!all || !order.value.length) return;
  const at = order.value.indexOf(all.rowOf(cursor.value));
  const to = at < 0 ? 0 : Math.min(order.value.length - 1, Math.max(0, at + by));
  const id = all.id[order.value[to]];
  if (!isExtended || !selection.value.size) anchor = cursor.value || id;
  selection.value = isExtended ? between(anchor, id) : new Set();
  visit(id);
  map?.reveal(id);
}

export function toEnd(isLast: boolean): void {
  step(isLast ? order.value.length : -order.value.length);
}

/** The nearest sound on the map in some direction. */
export function travel(direction: Direction): void {
  const id = map?.towards(cursor.value, direction) ?? 0;
  if (!id) return;
  visit(id);
  map?.reveal(id);
}

/** Pointed at on the map. */
export function point(id: number): void {
  if (!preferences.value.hover) return;
  player.point(id, preferences.value.dwellMs);
  if (id) void prefetch(id, () => []);
}

let anchor = 0; // where a selection by keys began

function between(one: number, other: number): Set<number> {
  const all = points.value!;
  const ends = [one, other].map((id) => order.value.indexOf(all.rowOf(id)));
  if (Math.min(...ends) < 0) return new Set([other]);
  const rows = order.value.slice(Math.min(...ends), Math.max(...ends) + 1);
  return new Set([...rows].map((row) => all.id[row]));
}

export function pick(id: number, how: "only" | "add"): void {
  if (!id) {
    selection.value = new Set();
    return;
  }
  if (how === "add") toggle(id);
  else selection.value = new Set();
  visit(id);
}

export function toggle(id: number): void {
  const next = new Set(selection.value);
  if (!next.delete(id)) next.add(id);
  selection.value = next;
}

/** Everything between the cursor and a sound. */
export function extendTo(id: number): void {
  anchor = cursor.value || id;
  selection.value = between(anchor, id);
}

export function selectAll(): void {
  const all = points.value;
  if (all) selection.value = new Set([...order.value].map((row) => all.id[row]));
}

function pickAtRandom(rows: readonly number[] | Uint32Array): void {
  if (!rows.length) return;
  const id = points.value!.id[rows[Math.floor(Math.random() * rows.length)]];
  selection.value = new Set();
  visit(id);
  map?.reveal(id);
}

export function random(): void {
  pickAtRandom(order.value);
}

/** The next sound of the list that was not heard yet. */
export function nextUnheard(): void {
  const all = points.value;
  if (!all) return;
  const at = order.value.indexOf(all.rowOf(cursor.value));
  for (let number = 1; number <= order.value.length; number++) {
    const row = order.value[(at + number) % order.value.length];
    if (all.flags[row] & Flag.heard || all.id[row] === cursor.value) continue;
    visit(all.id[row]);
    map?.reveal(all.id[row]);
    return;
  }
  say("You have heard everything that is shown.");
}

// Finding

export function filter(to: Partial<Filters>, tag = ""): void {
  history.mark(tag);
  filters.value = { ...filters.value, ...to };
}

export function clearFilters(): void {
  history.mark();
  batch(() => {
    filters.value = NO_FILTERS;
    listing.value = { kind: "all" };
  });
}

export function showAll(): void {
  history.mark();
  listing.value = { kind: "all" };
}

export function toggleClass(code: string, isOnly = false): void {
  const { classes } = filters.value;
  const others = classes.filter((one) => one !== code);
  const isAlone = classes.length === 1 && classes[0] === code;
  filter({
    classes: isOnly
      ? isAlone
        ? []
        : [code]
      : others.length < classes.length
        ? others
        : [...classes, code],
  });
}

export function toggleFamily(family: number, isOnly = false): void {
  const codes = (library.value?.network?.classes ?? [])
    .filter((one) => one.family === family)
    .map((one) => one.code);
  const { classes } = filters.value;
  const hasAll = codes.every((code) => classes.includes(code));
  const others = classes.filter((code) => !codes.includes(code));
  filter({
    classes: hasAll && !(isOnly && others.length) ? others : isOnly ? codes : [...others, ...codes],
  });
}

export function focusSearch(): void {
  document.querySelector<HTMLInputElement>("[data-search]")?.select();
}

let comparing = 0; // only the last answer is shown

export async function similar(): Promise<void> {
  const mine = ++comparing;
  const ids = chosen.value.slice(0, 100);
  const all = points.value;
  if (!ids.length || !all) return;
  try {
    const found = await api.similar(ids, {});
    if (mine !== comparing) return;
    const name = ids.length > 1 ? `${ids.length} sounds` : (rowOf(ids[0])?.name ?? "this sound");
    showSimilar(`like ${name}`, found);
  } catch (error) {
    complain(error);
  }
}

export function showSimilar(
  title: string,
  found: { id: number; similarity: number; why: string }[],
) {
  history.mark();
  listing.value = { kind: "similar", title, found };
}

export async function similarToFile(file: File): Promise<void> {
  const mine = ++comparing;
  say(`Listening to ${file.name} …`);
  try {
    player.decode(await file.arrayBuffer()).then(
      (buffer) => player.playBuffer(buffer),
      () => {}, // this browser can't play it; the server may well know it
    );
    const answer = await api.similarToFile(file);
    if (mine !== comparing) return;
    showSimilar(`like ${answer.title}`, answer.found);
    say(`${answer.title} was compared, and not kept.`);
  } catch (error) {
    complain(error);
  }
}

export function back(): void {
  history.back();
}

export function forward(): void {
  history.forward();
}

// The map

export function zoomIn(): void {
  map?.zoomBy(1.5);
}

export function zoomOut(): void {
  map?.zoomBy(1 / 1.5);
}

export function fit(): void {
  map?.fit();
}

let radius = 0;

/** Draw a lasso by the next drag; with keys, a circle around the cursor that + and − change. */
export function lasso(): void {
  isLassoing.value = !isLassoing.value;
  radius = isLassoing.value ? 2_500 / view.value.zoom : 0;
  showCircle();
}

export function growLasso(factor: number): void {
  radius *= factor;
  showCircle();
}

function middle() {
  const all = points.value!;
  const row = all.rowOf(cursor.value);
  return row < 0
    ? { x: view.value.x * 65_535, y: view.value.y * 65_535 }
    : { x: all.x[row], y: all.y[row] };
}

function showCircle(): void {
  if (points.value) map?.showShape(radius ? circle(middle(), radius) : null);
}

/** Take what is in the circle. */
export function closeLasso(): void {
  const all = points.value;
  if (!all || !radius) return;
  onLasso(inShape(all, circle(middle(), radius), shown.value.mask));
}

export function onLasso(ids: Uint32Array): void {
  isLassoing.value = false;
  radius = 0;
  map?.showShape(null);
  if (!ids.length) return;
  history.mark();
  const title = `${count(ids.length)} ${ids.length === 1 ? "sound" : "sounds"} in the lasso`;
  batch(() => {
    selection.value = new Set();
    listing.value = { kind: "ids", title, ids: new Set(ids) };
  });
}

// Using

export async function shelve(): Promise<void> {
  const ids = chosen.value;
  if (!ids.length) return;
  if (padWaits) {
    putOnPad(padWaits, ids[0]);
    padWaits = null;
    return;
  }
  try {
    const added: number[] = [];
    for (const part of parts(ids)) added.push(...(await api.shelve(part)).added);
    const what =
      ids.length > 1 ? `${count(ids.length)} sounds` : (rowOf(ids[0])?.name ?? "The sound");
    if (!added.length) say(`${what} on the shelf already`);
    else
      say(`${what} on the shelf`, () => {
        unshelve(added).catch(complain);
      });
  } catch (error) {
    complain(error);
  }
}

async function unshelve(ids: readonly number[]): Promise<void> {
  for (const part of parts(ids)) await api.unshelve(part);
}

/** As many ids as a request may have. */
function* parts(ids: readonly number[], most = 500): Generator<number[]> {
  for (let at = 0; at < ids.length; at += most) yield ids.slice(at, at + most);
}

export async function copyPath(): Promise<void> {
  const ids = chosen.value;
  if (!ids.length) return;
  try {
    const paths: string[] = [];
    for (const part of parts(ids)) {
      await fetchRows(part);
      paths.push(...part.flatMap((id) => rowOf(id)?.path ?? []));
    }
    await navigator.clipboard.writeText(paths.join("\n"));
    say(paths.length > 1 ? `${count(paths.length)} paths copied` : "Path copied");
  } catch (error) {
    complain(
      error instanceof ApiFailure ? error : new Error("this browser does not let pages copy"),
    );
  }
}

export function reveal(): void {
  if (cursor.value) api.reveal(cursor.value).catch(complain);
}

// Pads

let padWaits: number | null = null;

/** Enter puts the sound under the cursor onto the chosen pad. */
export async function toPad(): Promise<void> {
  drawer.value = "pads";
  try {
    await loadLayouts();
  } catch (error) {
    complain(error);
    return;
  }
  padWaits =
    pads.chosenPad.value ?? pads.kit.value.pads.find((pad) => pad.id === null)?.key ?? null;
  say(padWaits === null ? "There is no empty pad." : "Enter puts the sound onto the pad.");
}

export function putOnPad(key: number, id: number): void {
  pads.change({ pads: pads.withPad(key, id) });
}

export function togglePads(): void {
  drawer.value = drawer.value === "pads" ? "none" : "pads";
  padMode.value = drawer.value === "pads";
}

export function toggleShelf(): void {
  drawer.value = drawer.value === "shelf" ? "none" : "shelf";
  padMode.value = false;
}

let loading: Promise<void> | null = null;

/** Fetch the layouts, once; whatever needs pads waits for them. */
export function loadLayouts(): Promise<void> {
  loading ??= api.layouts().then(
    (found) => {
      pads.layouts.value = found;
      if (!restorePads(library.value!.id, found, points.value!))
        chooseLayout(preferences.value.layout);
    },
    (error) => {
      loading = null; // the next one tries again
      throw error;
    },
  );
  return loading;
}

export function chooseLayout(name: string): void {
  const layout = pads.layouts.value.find((one) => one.name === name) ?? pads.layouts.value[0];
  if (!layout || layout.name === pads.kit.value.layout) return;
  preferences.value = { ...preferences.value, layout: layout.name };
  pads.begin(layout);
  pads.bank.value = 0;
}

/** What pads are filled from: the selection, or what is shown. */
export function sourceOfPads(): { text: string; body: Record<string, unknown> } {
  const all = points.value!;
  if (selection.value.size > 1)
    return {
      text: `${count(selection.value.size)} selected sounds`,
      body: { ids: [...selection.value] },
    };
  const current = listing.value;
  if (current.kind === "ids")
    return { text: current.title, body: { ...toBody(filters.value, all), ids: [...current.ids] } };
  if (current.kind === "similar")
    return {
      text: `the sounds ${current.title}`,
      body: { ids: current.found.map((one) => one.id) },
    };
  return { text: `${count(shown.value.count)} shown sounds`, body: toBody(filters.value, all) };
}

export async function fillPads(isShuffled = false): Promise<void> {
  try {
    await loadLayouts();
    const { layout, locked } = pads.kit.value;
    const answer = await api.assign({
      layout,
      filters: sourceOfPads().body,
      locked: pads.soundsByKey(locked),
      shuffle: isShuffled,
      seed: isShuffled ? Math.floor(Math.random() * 2 ** 31) : 0,
    });
    pads.forgetOffered();
    pads.take(layout, answer.pads, (key) => !locked.has(key));
    cache.ahead(answer.pads.flatMap((pad) => pad.id ?? []));
  } catch (error) {
    complain(error);
  }
}

/** Swap the sounds of pads for similar ones; without keys, of all that are not locked. */
export async function swapPads(keys?: number[]): Promise<void> {
  const { layout, locked } = pads.kit.value;
  const all = pads.soundsByKey();
  const wanted =
    keys ??
    Object.keys(all)
      .map(Number)
      .filter((key) => !locked.has(key));
  try {
    const answer = await api.swap({
      layout,
      pads: all,
      keys: wanted,
      skip: pads.rememberOffered(wanted.flatMap((key) => all[key] ?? [])),
      filters: {},
    });
    pads.take(layout, answer.pads, (key) => wanted.includes(key));
    if (keys?.length === 1) strike(keys[0]);
  } catch (error) {
    complain(error);
  }
}

/** Play a pad. */
export async function strike(key: number, velocity = 1, when?: number): Promise<void> {
  const pad = pads.kit.value.pads.find((one) => one.key === key);
  if (!pad?.id) return;
  const group = pad.choke ? `choke ${pad.choke}` : `pad ${key}`;
  const options = { velocity, group, isExtra: true, ...(when !== undefined && { when }) };
  const ready = cache.peek(pad.id);
  if (ready && player.isOpen) player.start(pad.id, ready, options);
  else await player.play(pad.id, options);
}

// The rest

/** What is seen first: the pads if they are open, else what the list and the map show. */
export function undo(): void {
  const steps = [pads.undoPads, () => history.back()];
  if (!firstOf(steps)) say("There is nothing to undo.");
}

export function redo(): void {
  const steps = [pads.redoPads, () => history.forward()];
  if (!firstOf(steps)) say("There is nothing to redo.");
}

function firstOf(steps: (() => boolean)[]): boolean {
  return (drawer.value === "pads" ? steps : steps.reverse()).some((take) => take());
}

export function toggleHover(): void {
  preferences.value = { ...preferences.value, hover: !preferences.value.hover };
  say(preferences.value.hover ? "Pointing plays." : "Pointing is silent; click to hear.");
}

export function toggleLevels(): void {
  preferences.value = { ...preferences.value, matchLevels: !preferences.value.matchLevels };
  say(
    preferences.value.matchLevels
      ? "All sounds are equally loud."
      : "Sounds are as loud as their files.",
  );
  if (player.isSounding) again();
}

export function toggleHelp(): void {
  helpOpen.value = !helpOpen.value;
}

/** Sound first, then whatever is open, then what was chosen, then the search. */
export function leave(): void {
  padWaits = null;
  const { isSounding } = player;
  player.stop();
  if (isSounding) return;
  if (helpOpen.value) helpOpen.value = false;
  else if (padMode.value) padMode.value = false;
  else if (isLassoing.value) lasso();
  else if (selection.value.size) selection.value = new Set();
  else if (listing.value.kind !== "all") showAll();
  else if (filters.value.text) filter({ text: "" });
}

/** Take a word of the search away. */
export function dropWord(word: string): void {
  const { words, without } = splitWords(filters.value.text);
  const quote = (one: string) => (/\s/.test(one) ? `"${one}"` : one);
  const gone = new Set(word.split(" "));
  const keep = (one: string) => one !== word && !gone.has(one);
  const text = [
    ...words.filter(keep).map(quote),
    ...without.filter(keep).map((one) => `-${quote(one)}`),
  ].join(" ");
  filter({ text });
}
