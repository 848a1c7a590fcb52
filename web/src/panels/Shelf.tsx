// The shelf: a folder of links that a DAW keeps open.

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { visit } from "../actions.ts";
import { api, type Shelf } from "../api.ts";
import { aboutDrags, dragged, prepareDrag } from "../drag.ts";
import { complain, onShelfChanged, say } from "../store.ts";
import type { ShelfEntry } from "../types.ts";
import { Wave } from "./Wave.tsx";

function takeOff({ id, name }: ShelfEntry): void {
  const back = id === null ? undefined : () => void api.shelve([id]).catch(complain);
  const taken = id === null ? api.unshelve([], [name]) : api.unshelve([id]);
  taken.then(() => say(`${name} taken off the shelf`, back), complain);
}

export function ShelfPanel() {
  const shelf = useSignal<Shelf | null>(null);
  useEffect(() => {
    const look = () => {
      api.shelf().then((found) => {
        shelf.value = found;
      }, complain);
    };
    look();
    onShelfChanged.push(look);
    return () => {
      onShelfChanged.splice(onShelfChanged.indexOf(look), 1);
    };
  }, []);
  const entries = shelf.value?.entries ?? [];
  return (
    <section class="drawer shelf" aria-label="Shelf" data-panel="shelf">
      <div class="drawer-head">
        <h2>Shelf</h2>
        <p>
          Open <code>{shelf.value?.folder}</code> in your DAW’s browser and leave it open: what you
          put here (<kbd>↵</kbd>) appears there under its own name.
        </p>
        <button
          type="button"
          onClick={() => {
            navigator.clipboard
              .writeText(shelf.value?.folder ?? "")
              .then(() => say("Path copied"), complain);
          }}
        >
          Copy path
        </button>
      </div>
      <p class="truth">{aboutDrags()}</p>
      <ul class="shelf-list">
        {entries.map((entry) => (
          <li
            key={entry.name}
            draggable={entry.id !== null}
            onPointerDown={() => entry.id && prepareDrag(entry.id)}
            onDragStart={(event) => entry.id && dragged(event, entry.id)}
          >
            <button
              type="button"
              class="shelved"
              disabled={entry.id === null}
              onClick={() => visit(entry.id ?? 0)}
            >
              {entry.id !== null && <Wave id={entry.id} isLive />}
              <span>{entry.name}</span>
            </button>
            <button
              type="button"
              aria-label={`Take ${entry.name} off the shelf`}
              title="Take it off"
              onClick={() => takeOff(entry)}
            >
              ×
            </button>
          </li>
        ))}
      </ul>
      {shelf.value && !entries.length && <p class="hint">Nothing is on the shelf yet.</p>}
    </section>
  );
}
