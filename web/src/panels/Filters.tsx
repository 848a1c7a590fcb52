// What to look for: classes by family, measured properties, when it was added, folders.

import { computed, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { clearFilters, filter, toggleClass, toggleFamily } from "../actions.ts";
import { api, type LibraryFolder } from "../api.ts";
import { type Facet, UNKNOWN } from "../columns.ts";
import { isFiltered, wantedClasses, withRange } from "../filtering.ts";
import { history } from "../history.ts";
import { currentTheme } from "../map/MapPanel.tsx";
import { filters, library, points, searched, shown } from "../state.ts";
import { complain } from "../store.ts";
import { count, heading, measured } from "../words.ts";
import { Range } from "./Range.tsx";

const BARS = 40;
const HALF = 50; // the edge of levels that is 0.5

export function FilterPanel() {
  return (
    <aside class="filters" aria-label="Filters" data-panel="filters">
      <div class="filters-head">
        <h2>Sounds</h2>
        {isFiltered(filters.value) && (
          <button type="button" class="quiet" onClick={clearFilters}>
            show all
          </button>
        )}
      </div>
      <Classes />
      <Facets />
      <Added />
      <Folders />
    </aside>
  );
}

const families = computed(() =>
  (library.value?.families ?? []).map((family, number) => ({
    ...family,
    number,
    classes: (library.value?.network?.classes ?? [])
      .map((one, index) => ({ ...one, index }))
      .filter((one) => one.family === number),
  })),
);

function Classes() {
  const opened = useSignal<ReadonlySet<number>>(new Set());
  const chosen = wantedClasses(filters.value, searched.value);
  const { byClass } = shown.value;
  const colours = currentTheme().families;
  return (
    <ul class="families">
      {families.value.map((family) => {
        const total = family.classes.reduce((sum, one) => sum + (byClass[one.index] ?? 0), 0);
        const on = family.classes.filter((one) => chosen.has(one.code)).length;
        const isOpen = opened.value.has(family.number) || (on > 0 && on < family.classes.length);
        const state = on === 0 ? "false" : on === family.classes.length ? "true" : "mixed";
        return (
          <li key={family.key} class={chosen.size && !on ? "family off" : "family"}>
            <div class="family-row">
              <button
                type="button"
                class="family-name"
                aria-pressed={state}
                title={`Only ${family.name}, or not (${family.number + 1})`}
                onClick={(event) => toggleFamily(family.number, !event.shiftKey && !event.ctrlKey)}
              >
                <i style={{ background: colours[family.number] }} />
                <span>{family.name}</span>
                <b>{count(total)}</b>
              </button>
              <button
                type="button"
                class="disclose"
                aria-expanded={isOpen}
                aria-label={`Classes of ${family.name}`}
                onClick={() => {
                  const next = new Set(opened.value);
                  if (!next.delete(family.number)) next.add(family.number);
                  opened.value = next;
                }}
              >
                {isOpen ? "▾" : "▸"}
              </button>
            </div>
            {isOpen && (
              <ul class="classes">
                {family.classes.map((one) => (
                  <li key={one.code}>
                    <button
                      type="button"
                      aria-pressed={chosen.has(one.code)}
                      disabled={!byClass[one.index] && !chosen.has(one.code)}
                      onClick={(event) => toggleClass(one.code, event.shiftKey)}
                    >
                      <span>{one.name}</span>
                      <b>{count(byClass[one.index] ?? 0)}</b>
                    </button>
                  </li>
                ))}
              </ul>
            )}
          </li>
        );
      })}
    </ul>
  );
}

/** How what is shown spreads over a column of ordinals, in bars from one edge to the other. */
function histogram(column: Uint8Array | Uint16Array, edges: number, unknown: number): number[] {
  const bars = new Array<number>(BARS).fill(0);
  const { mask } = shown.value;
  const every = Math.max(1, Math.floor(column.length / 12_000)); // any rows are a fair sample
  const scale = BARS / (2 * edges + 1);
  for (let row = 0; row < column.length; row += every)
    if (mask[row] && column[row] !== unknown) bars[Math.min(BARS - 1, (column[row] * scale) | 0)]++;
  return bars.map(Math.sqrt);
}

function Facets() {
  const all = points.value;
  if (!all) return null;
  const { probability, percussion, ranges } = filters.value;
  const level = (edge: number) => `${edge} %`;
  return (
    <div class="facets">
      {all.facets.map((facet: Facet) => (
        <Range
          key={facet.key}
          label={heading(facet)}
          stops={facet.edges.length}
          low={ranges[facet.key]?.[0] ?? null}
          high={ranges[facet.key]?.[1] ?? null}
          bars={histogram(all.facet(facet.key), facet.edges.length, UNKNOWN.u16)}
          words={(stop) => measured(facet.edges[stop], facet.unit)}
          ends={[facet.low, facet.high]}
          onChange={(low, high) =>
            filter({ ranges: withRange(ranges, facet.key, [low, high]) }, facet.key)
          }
          onSettle={() => history.settle()}
        />
      ))}
      <Range
        label="sure of the class"
        stops={HALF + 1}
        low={probability === null ? null : probability - HALF}
        high={null}
        isSingle
        words={(stop) => level(stop + HALF)}
        ends={["", "certain"]}
        onChange={(low) => filter({ probability: low === null ? null : low + HALF }, "probability")}
        onSettle={() => history.settle()}
      />
      <Range
        label="percussion at all"
        stops={all.levels.length}
        low={percussion}
        high={null}
        isSingle
        words={level}
        ends={["", "certain"]}
        onChange={(low) => filter({ percussion: low }, "percussion")}
        onSettle={() => history.settle()}
      />
    </div>
  );
}

const SPANS: [string, number | null][] = [
  ["ever", null],
  ["30 days", 30],
  ["7 days", 7],
  ["today", 1],
];

function Added() {
  const { addedDays, unheard } = filters.value;
  return (
    <div class="added">
      <div class="range-head">
        <span id="added">added</span>
      </div>
      <div class="segments" role="radiogroup" aria-labelledby="added">
        {SPANS.map(([text, days]) => (
          <button
            key={text}
            type="button"
            role="radio"
            aria-checked={addedDays === days}
            onClick={() => filter({ addedDays: days })}
          >
            {text}
          </button>
        ))}
      </div>
      <label class="check">
        <input
          type="checkbox"
          checked={unheard}
          onChange={(event) => filter({ unheard: event.currentTarget.checked })}
        />
        not heard yet
      </label>
    </div>
  );
}

function Folders() {
  const isOpen = useSignal(false);
  const folders = useSignal<LibraryFolder[]>([]);
  const known = JSON.stringify(library.value?.roots);
  useEffect(() => {
    if (isOpen.value)
      api.folders().then((found) => {
        folders.value = found;
      }, complain);
  }, [isOpen.value, known]);
  const { folder } = filters.value;
  return (
    <div class="folders">
      <button
        type="button"
        class="folders-head"
        aria-expanded={isOpen.value}
        onClick={() => {
          isOpen.value = !isOpen.value;
        }}
      >
        <span>folders</span>
        <span aria-hidden="true">{isOpen.value ? "▾" : "▸"}</span>
      </button>
      {isOpen.value && (
        <ul>
          {folders.value.slice(0, 500).map((one) => (
            <li key={one.id}>
              <button
                type="button"
                aria-pressed={folder === one.id}
                class={`depth-${Math.min(3, one.depth)}`}
                onClick={() => filter({ folder: folder === one.id ? null : one.id })}
              >
                <span>{one.name}</span>
                <b>{count(one.sounds)}</b>
              </button>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
