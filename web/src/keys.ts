// All keys, once: what handles them, the help page and docs/keys.md are made of this table.

import * as actions from "./actions.ts";
import { PAD_KEYS, padAt } from "./kit.ts";
import { isLassoing, padMode } from "./state.ts";

export interface Key {
  keys: string[]; // as `nameOf` names them
  shown?: string; // instead of the names
  section: "Hear" | "Find" | "Map" | "Use" | "Pads" | "Page";
  does: string;
  run(event: KeyboardEvent): void;
}

const onMap = () => document.activeElement?.closest('[data-panel="map"]') !== null;

/** Arrows walk through the list; on the map they go to the nearest sound that way. */
function arrow(direction: "up" | "down" | "left" | "right", inList: () => void) {
  return () => (onMap() ? actions.travel(direction) : inList());
}

export const KEYS: Key[] = [
  {
    keys: ["ArrowDown"],
    shown: "↓",
    section: "Hear",
    does: "Hear the next sound; on the map, the nearest below",
    run: arrow("down", () => actions.step(1)),
  },
  {
    keys: ["ArrowUp"],
    shown: "↑",
    section: "Hear",
    does: "Hear the sound before; on the map, the nearest above",
    run: arrow("up", () => actions.step(-1)),
  },
  {
    keys: ["ArrowRight"],
    shown: "→",
    section: "Hear",
    does: "Hear it again; on the map, the nearest to the right",
    run: arrow("right", actions.again),
  },
  {
    keys: ["ArrowLeft"],
    shown: "←",
    section: "Hear",
    does: "Stop; on the map, hear the nearest to the left",
    run: arrow("left", () => actions.hearOrStop()),
  },
  {
    keys: ["Space"],
    shown: "Space",
    section: "Hear",
    does: "Hear it, or stop",
    run: actions.hearOrStop,
  },
  {
    keys: ["Escape"],
    shown: "Esc",
    section: "Hear",
    does: "Stop all sound; then close what is open, drop the selection, clear the search",
    run: actions.leave,
  },
  {
    keys: ["PageDown"],
    shown: "Page down",
    section: "Hear",
    does: "Ten sounds further",
    run: () => actions.step(10),
  },
  {
    keys: ["PageUp"],
    shown: "Page up",
    section: "Hear",
    does: "Ten sounds back",
    run: () => actions.step(-10),
  },
  {
    keys: ["Home"],
    section: "Hear",
    does: "The first sound of the list",
    run: () => actions.toEnd(false),
  },
  {
    keys: ["End"],
    section: "Hear",
    does: "The last sound of the list",
    run: () => actions.toEnd(true),
  },
  {
    keys: ["R"],
    section: "Hear",
    does: "A sound at random, of those that are shown",
    run: actions.random,
  },
  {
    keys: ["N"],
    section: "Hear",
    does: "The next sound that you have not heard",
    run: actions.nextUnheard,
  },
  { keys: ["M"], section: "Hear", does: "Pointing plays, or does not", run: actions.toggleHover },
  {
    keys: ["V"],
    section: "Hear",
    does: "Equal loudness, or as loud as the files are",
    run: actions.toggleLevels,
  },
  { keys: ["/"], section: "Find", does: "Search", run: actions.focusSearch },
  { keys: ["S"], section: "Find", does: "What sounds like it", run: () => void actions.similar() },
  ...Array.from(
    { length: 8 },
    (_, number): Key => ({
      keys: [`${number + 1}`, `Shift+${number + 1}`],
      shown: `${number + 1}`,
      section: "Find",
      does: "",
      run: (event) => actions.toggleFamily(number, event.shiftKey),
    }),
  ),
  { keys: ["["], section: "Find", does: "Back to what was shown before", run: actions.back },
  { keys: ["]"], section: "Find", does: "Forward again", run: actions.forward },
  {
    keys: ["Shift+ArrowDown"],
    shown: "Shift ↓",
    section: "Find",
    does: "Extend the selection downwards",
    run: () => actions.step(1, true),
  },
  {
    keys: ["Shift+ArrowUp"],
    shown: "Shift ↑",
    section: "Find",
    does: "Extend the selection upwards",
    run: () => actions.step(-1, true),
  },
  {
    keys: ["Ctrl+A"],
    shown: "Ctrl A",
    section: "Find",
    does: "Select all that are shown",
    run: actions.selectAll,
  },
  {
    keys: ["+", "="],
    shown: "+",
    section: "Map",
    does: "Closer",
    run: () => (isLassoing.value ? actions.growLasso(1.25) : actions.zoomIn()),
  },
  {
    keys: ["-"],
    shown: "−",
    section: "Map",
    does: "Farther",
    run: () => (isLassoing.value ? actions.growLasso(0.8) : actions.zoomOut()),
  },
  { keys: ["0"], section: "Map", does: "See all that is shown", run: actions.fit },
  {
    keys: ["G"],
    section: "Map",
    does: "Lasso: drag around sounds, or change the circle with + and − and press Enter",
    run: actions.lasso,
  },
  {
    keys: ["Enter"],
    section: "Use",
    does: "Put it onto the shelf",
    run: () => (isLassoing.value ? actions.closeLasso() : void actions.shelve()),
  },
  {
    keys: ["P"],
    section: "Use",
    does: "Then Enter: put it onto the chosen pad",
    run: actions.toPad,
  },
  { keys: ["O"], section: "Use", does: "Show it in the file manager", run: actions.reveal },
  {
    keys: ["Ctrl+C"],
    shown: "Ctrl C",
    section: "Use",
    does: "Copy its path",
    run: () => void actions.copyPath(),
  },
  { keys: ["J"], section: "Use", does: "Open or close the shelf", run: actions.toggleShelf },
  { keys: ["Ctrl+Z"], shown: "Ctrl Z", section: "Use", does: "Undo", run: actions.undo },
  {
    keys: ["Shift+Ctrl+Z", "Ctrl+Y"],
    shown: "Shift Ctrl Z",
    section: "Use",
    does: "Redo",
    run: actions.redo,
  },
  {
    keys: ["K"],
    section: "Pads",
    does: "Open or close the pads; while they are open, keys play them",
    run: actions.togglePads,
  },
  { keys: ["?"], section: "Page", does: "This list, and settings", run: actions.toggleHelp },
];

/** Keys that the help shows as one line. */
export const TOGETHER = [
  { shown: "1 – 8", section: "Find", does: "A family of sounds; with Shift, only that one" },
  {
    shown: "Z X C V · A S D F · Q W E R · 1 2 3 4",
    section: "Pads",
    does: "Play 16 pads; Esc leaves the keys to the page again",
  },
];

const BY_NAME = new Map(KEYS.flatMap((key) => key.keys.map((name) => [name, key] as const)));

/** A key with its modifiers, such as "Shift+ArrowDown"; Command counts as Ctrl. */
export function nameOf(event: KeyboardEvent): string {
  const { key, code } = event;
  const isSign = key.length === 1 && !/[\p{L}\d ]/u.test(key);
  // Where "/" is, and whether it needs Shift, depends on the keyboard.
  const isOurs = isSign && BY_NAME.has(key);
  const digit = code.match(/^Digit(\d)$/)?.[1];
  const name = isOurs ? key : isSign && digit ? digit : key === " " ? "Space" : key;
  const shift = event.shiftKey && !isOurs ? "Shift+" : "";
  const control = event.ctrlKey || event.metaKey ? "Ctrl+" : "";
  return (
    shift + control + (event.altKey ? "Alt+" : "") + (name.length === 1 ? name.toUpperCase() : name)
  );
}

const NATIVE = "input:not([type=range]):not([type=checkbox]), select, textarea, [contenteditable]";
const PRESSED = "button, a, summary, input, [role=slider], [role=menuitem]";

/** Handle a key, unless it belongs to what has the focus. */
export function onKey(event: KeyboardEvent): void {
  const target = event.target as HTMLElement;
  const name = nameOf(event);
  if (target.closest(NATIVE)) {
    if (name === "Escape") target.blur();
    else if (name !== "ArrowDown" || !target.matches("[data-search]")) return;
    else target.blur();
  }
  if (["Space", "Enter"].includes(name) && target.closest(PRESSED)) return;
  if (
    name.startsWith("Arrow") &&
    target.closest("[role=slider], input[type=range], [role=radiogroup], [data-own-arrows]")
  )
    return;
  if (padMode.value && !event.ctrlKey && !event.metaKey && !event.altKey) {
    const pad = PAD_KEYS.indexOf(event.key.toLowerCase());
    if (pad >= 0) {
      event.preventDefault();
      const struck = padAt(pad);
      if (struck && !event.repeat) void actions.strike(struck.key, event.shiftKey ? 0.5 : 1);
      return;
    }
  }
  const found = BY_NAME.get(name);
  if (!found) return;
  event.preventDefault();
  found.run(event);
}
