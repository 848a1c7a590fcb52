// What keeps the state up to date: requests, events of the server, and what follows from filters.

import { batch, computed, effect, signal } from "@preact/signals";
import { ApiFailure, api, listen } from "./api.ts";
import { UNKNOWN } from "./columns.ts";
import { compute, NOT_SEARCHED, sorted } from "./filtering.ts";
import { Points } from "./points.ts";
import { SoundCache } from "./sound/cache.ts";
import { Player } from "./sound/player.ts";
import {
  away,
  canSound,
  cursor,
  drawing,
  filters,
  library,
  listing,
  message,
  order,
  playing,
  points,
  preferences,
  searched,
  selection,
  shown,
  sort,
  waiting,
  watching,
} from "./state.ts";
import type { Drawing, Row, Watching } from "./types.ts";
import { Outlines } from "./waveform.ts";

const ROWS_KEPT = 5_000;
const NOWHERE = 2 ** 32 - 1; // row -1 in an array of unsigned numbers

export const outlines = new Outlines((ids) => api.outlines(ids));

export const cache = new SoundCache({
  fetch: (id, signal) => api.audio(id, signal),
  decode: (data) => player.decode(data),
});

const heard = new Set<number>();

export const player: Player = new Player(cache, () => preferences.value, {
  change() {
    canSound.value = player.isOpen;
    playing.value = new Set([...player.voices].map((voice) => voice.id));
  },
  heard(id) {
    heard.add(id);
  },
  failed(_, error) {
    complain(error);
  },
});

export function say(text: string, undo?: () => void): void {
  message.value = { text, kind: "done", ...(undo && { undo }) };
}

export function complain(error: unknown): void {
  if (error instanceof DOMException && error.name === "AbortError") return;
  if (error instanceof ApiFailure && (error.status === 401 || error.status === 0)) {
    away.value = error.status === 401 ? "restarted" : "ended";
    return;
  }
  message.value = { text: error instanceof Error ? error.message : String(error), kind: "error" };
}

// Rows of the list

const rows = new Map<number, Row>();
const outdated = new Set<number>(); // rows that are shown until the new ones are there
const rowsCame = signal(0);

/** What is known of a sound for the list; undefined until it was fetched. */
export function rowOf(id: number): Row | undefined {
  void rowsCame.value; // so that whoever shows it is drawn again
  return rows.get(id);
}

/** Fetch rows that are not known. */
export async function fetchRows(ids: readonly number[]): Promise<void> {
  const missing = ids.filter((id) => !rows.has(id) || outdated.has(id)).slice(0, 500);
  if (!missing.length) return;
  for (const row of await api.rows(missing)) {
    rows.set(row.id, row);
    outdated.delete(row.id);
  }
  for (const id of rows.keys()) {
    if (rows.size <= ROWS_KEPT) break;
    rows.delete(id);
  }
  rowsCame.value++;
}

// Names, for sorting by them: fetched when that is first wanted

let nameRanks: { of: Points; ranks: Uint32Array } | null = null;

async function ranksOf(all: Points): Promise<Uint32Array> {
  if (nameRanks?.of === all) return nameRanks.ranks;
  const ids = await api.names();
  const ranks = new Uint32Array(all.length);
  ids.forEach((id, rank) => {
    const row = all.rowOf(id);
    if (row >= 0) ranks[row] = rank;
  });
  nameRanks = { of: all, ranks };
  return ranks;
}

// What is shown, and in which order

let stale = 0;
let lastWish = 0;
let wanted: readonly unknown[] = []; // what `shown` was computed for, news apart
let ordered: readonly unknown[] = []; // what the list was made for
const whole = signal(0); // raised when the library is another one
const comings = signal(0); // raised when sounds came or went

export function start(): void {
  let frame = 0;
  effect(() => {
    void [points.value, filters.value, searched.value, library.value, listing.value, whole.value];
    // Sliders send more events than there are frames.
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(update);
  });
  const words = computed(() => `${filters.value.folder ?? ""}\n${filters.value.text}`);
  effect(() => {
    void [words.value, whole.value, comings.value];
    searchSoon();
  });
  let timer: ReturnType<typeof setTimeout>;
  effect(() => {
    void [shown.value, sort.value];
    const wish = [...wanted, sort.value];
    // News change what is shown, but not the list: it waits to be asked for them.
    if (wish.every((one, at) => one === ordered[at])) return;
    // One change shows at once; while a slider moves, the list waits until it rests.
    const now = performance.now();
    clearTimeout(timer);
    timer = setTimeout(reorder, now - lastWish > 300 ? 0 : 80);
    lastWish = now;
  });
  effect(() => {
    localStorage.setItem("libindex-preferences", JSON.stringify(preferences.value));
    player.preferencesChanged();
  });
  effect(() => {
    const { theme } = preferences.value;
    document.documentElement.dataset.theme = theme;
  });
  setInterval(noteHeard, 1000);
  addEventListener("pagehide", noteHeard);
  follow();
}

function noteHeard(): void {
  if (!heard.size) return;
  const ids = [...heard].slice(0, 500);
  for (const id of ids) heard.delete(id);
  api.heard(ids).catch((error) => {
    // While nobody answers, nothing is forgotten.
    if (error instanceof ApiFailure && [0, 401].includes(error.status))
      for (const id of ids) heard.add(id);
    complain(error);
  });
}

export function restorePreferences(): void {
  try {
    const kept = JSON.parse(localStorage.getItem("libindex-preferences") ?? "{}");
    preferences.value = { ...preferences.value, ...kept };
  } catch {
    localStorage.removeItem("libindex-preferences");
  }
}

export function classCodes(): string[] {
  return library.value?.network?.classes.map((one) => one.code) ?? [];
}

function update(): void {
  const all = points.value;
  if (!all) return;
  const found = compute(all, filters.value, searched.value, classCodes());
  const { value: kind } = listing;
  if (kind.kind === "ids") {
    found.count = 0;
    for (let row = 0; row < all.length; row++) {
      if (found.mask[row] && !kind.ids.has(all.id[row])) found.mask[row] = 0;
      found.count += found.mask[row];
    }
  }
  wanted = [filters.value, kind, whole.value, searched.value.of];
  shown.value = found;
}

async function reorder(): Promise<void> {
  ordered = [...wanted, sort.value];
  const all = points.value;
  const { mask, count } = shown.value;
  const mine = ++stale;
  if (!all || mask.length !== all.length) {
    ordered = [];
    return;
  }
  const { key, reverse } = sort.value;
  const facet = all.facets.find((one) => one.word === key);
  const current = listing.value;
  let found: Uint32Array;
  if (current.kind === "similar") {
    const near = current.found.map((one) => all.rowOf(one.id));
    found = Uint32Array.from(near.filter((row) => row >= 0 && mask[row]));
  } else if (facet) found = sorted(mask, count, all.facet(facet.key), reverse, UNKNOWN.u16);
  else if (key === "name") {
    const ranks = await ranksOf(all);
    if (mine !== stale) return;
    found = sorted(mask, count, ranks, reverse);
  } else if (key === "added") found = sorted(mask, count, all.added, !reverse);
  else if (key === "class") found = sorted(mask, count, all.cls, reverse);
  else found = sorted(mask, count, all.probability, !reverse);
  batch(() => {
    order.value = found;
    waiting.value = 0;
  });
}

// What the server says as it happens

export async function load(): Promise<void> {
  const [about, table] = await Promise.all([api.library(), api.points()]);
  batch(() => {
    library.value = about;
    points.value = Points.of(table);
    whole.value++;
    watching.value = about.watching;
    drawing.value = about.drawing;
  });
}

async function renew(): Promise<void> {
  const old = points.value;
  const table = await api.points(old?.header.revision);
  if (!old || (table.header.whole && table.header.network !== old.header.network)) {
    batch(() => {
      points.value = Points.of(table);
      whole.value++;
    });
    return;
  }
  const news = table.header.whole ? old.replacedBy(table) : old.with(table);
  const { points: all, added, gone } = news;
  for (const id of table.columns.id) if (rows.has(id)) outdated.add(id);
  for (const id of gone) rows.delete(id);
  cache.drop(gone); // the sound of a content never changes
  batch(() => {
    points.value = all;
    if (added || gone.length || table.header.whole) comings.value++;
    if (cursor.value) waiting.value += added;
    else ordered = []; // nobody has begun to go through the list
    // The list stays as it is, but for what is gone.
    if (gone.length || table.header.whole)
      order.value = order.value
        .map((row) => all.rowOf(old.id[row]))
        .filter((row) => row !== NOWHERE);
  });
  if (cursor.value && all.rowOf(cursor.value) < 0) cursor.value = 0;
  if ([...selection.value].some((id) => all.rowOf(id) < 0))
    selection.value = new Set([...selection.value].filter((id) => all.rowOf(id) >= 0));
}

let isFirstHello = true;
let renewing: Promise<void> | null = null;
let isWanted = false;

/** One renewal at a time; what comes meanwhile is fetched after it. */
async function renewSoon(): Promise<void> {
  isWanted = true;
  if (renewing) return renewing;
  while (isWanted) {
    isWanted = false;
    renewing = renew();
    await renewing.catch(complain);
  }
  renewing = null;
}

/** Until the page is seen: browsers allow a few connections to a server, and tabs share them. */
function seen(): Promise<void> {
  return new Promise((done) => {
    const look = () => {
      if (document.hidden) return;
      document.removeEventListener("visibilitychange", look);
      done();
    };
    document.addEventListener("visibilitychange", look);
    look();
  });
}

async function follow(): Promise<void> {
  for (let wait = 250; ; wait = Math.min(8000, wait * 2)) {
    const abort = new AbortController();
    const hidden = () => document.hidden && abort.abort();
    try {
      await seen();
      document.addEventListener("visibilitychange", hidden);
      await listen((kind, data) => {
        wait = 250;
        onEvent(kind, data);
      }, abort.signal);
    } catch (error) {
      complain(error);
    }
    document.removeEventListener("visibilitychange", hidden);
    if (abort.signal.aborted) continue;
    away.value ||= "ended";
    await new Promise((done) => setTimeout(done, wait));
  }
}

/** Catch up with what was missed; `load` did that just before the first hello. */
async function catchUp(): Promise<void> {
  await renewSoon();
  if (isFirstHello) {
    isFirstHello = false;
    return;
  }
  const about = await api.library();
  batch(() => {
    library.value = about;
    drawing.value = about.drawing;
    watching.value = about.watching;
    away.value = "";
  });
  for (const one of onShelfChanged) one();
}

/** Others that want to know, such as the shelf. */
export const onShelfChanged: (() => void)[] = [];

function onEvent(kind: string, data: unknown): void {
  if (kind === "hello") catchUp().catch(complain);
  else if (kind === "revision") renewSoon();
  else if (kind === "library")
    api.library().then((about) => {
      library.value = about;
      outlines.retry();
    }, complain);
  else if (kind === "watching") watching.value = data as Watching;
  else if (kind === "map") onDrawing(data as Drawing);
  else if (kind === "shelf") for (const one of onShelfChanged) one();
  else if (kind === "trouble") complain(new Error(String(data)));
}

function onDrawing(now: Drawing): void {
  const { action, part } = drawing.value;
  drawing.value = now;
  if (now.trouble) complain(new Error(now.trouble));
  else if (action && !now.action && part === 1)
    say(action === "settle" ? "The map is settled." : "The map is redrawn.", () => {
      api.drawMap("undo").catch(complain);
    });
}

// The search box

let searching = new AbortController();
let searchTimer: ReturnType<typeof setTimeout>;

/** Search for what the box and the folder say, after a moment without more letters. */
export function searchSoon(): void {
  clearTimeout(searchTimer);
  searching.abort();
  const { text, folder } = filters.peek();
  const of = `${folder ?? ""}\n${text}`;
  if (!text.trim() && folder === null) {
    searched.value = NOT_SEARCHED;
    return;
  }
  searchTimer = setTimeout(async () => {
    searching = new AbortController();
    try {
      const { header, columns } = await api.search(text, folder, searching.signal);
      const ids = header.all ? null : (columns.id as Uint32Array);
      searched.value = { ids, understood: header.understood, problem: header.problem, of };
    } catch (error) {
      complain(error);
    }
  }, 70);
}
