// The list: rows are made only where they are seen.

import { useSignal, useSignalEffect } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { extendTo, showAll, toggle, visit } from "../actions.ts";
import { type Facet, Flag } from "../columns.ts";
import { dragged, prepareDrag } from "../drag.ts";
import { history } from "../history.ts";
import { currentTheme, map } from "../map/MapPanel.tsx";
import {
  cursor,
  library,
  listing,
  order,
  playing,
  points,
  type Sort,
  selection,
  sort,
  waiting,
} from "../state.ts";
import { complain, fetchRows, rowOf } from "../store.ts";
import { count, heading, measured, percent } from "../words.ts";
import { Wave } from "./Wave.tsx";

const HEIGHT = 30; // CSS pixels of a row
const MARGIN = 6; // rows that are made above and below those that are seen
const MOST_PIXELS = 8_000_000; // browsers take no taller elements

interface Item {
  id: number;
  similarity?: number;
  why?: string;
}

export function ListPanel() {
  const box = useRef<HTMLDivElement>(null);
  const top = useSignal(0);
  const seen = useSignal(20);

  const total = order.value.length;
  useLayoutEffect(() => {
    const observer = new ResizeObserver(([entry]) => {
      seen.value = Math.ceil(entry.contentRect.height / HEIGHT);
    });
    observer.observe(box.current!);
    return () => observer.disconnect();
  }, []);

  // Another list begins at its top.
  useSignalEffect(() => {
    void [listing.value, sort.value];
    if (box.current) box.current.scrollTop = 0;
  });

  // Browsers take no element as tall as a million rows: then a pixel of the bar is more than one.
  const height = Math.min(MOST_PIXELS, total * HEIGHT);
  const factor = height ? (total * HEIGHT) / height : 1;

  // The cursor is never out of sight after a key, nor when the pads take place from the list.
  useSignalEffect(() => {
    void seen.value;
    const at = order.value.indexOf(points.value?.rowOf(cursor.value) ?? -1);
    const element = box.current;
    if (at < 0 || !element) return;
    const from = element.scrollTop * factor;
    if (at * HEIGHT < from) element.scrollTop = (at * HEIGHT) / factor;
    else if ((at + 1) * HEIGHT > from + element.clientHeight)
      element.scrollTop = ((at + 1) * HEIGHT - element.clientHeight) / factor;
  });

  const from = top.value * factor;
  const first = Math.max(0, Math.min(Math.floor(from / HEIGHT) - MARGIN, total - 1));
  const last = Math.min(total, first + seen.value + 2 * MARGIN);
  const similar = similarities();
  const items: Item[] = [...order.value.slice(first, last)]
    .filter((row) => row < (points.value?.length ?? 0))
    .map((row) => points.value!.id[row])
    .map((id) => similar?.get(id) ?? { id });
  const shift = factor > 1 ? top.value - (from - first * HEIGHT) : first * HEIGHT;
  const ids = items.map((item) => item.id);
  useEffect(() => {
    const timer = setTimeout(() => void fetchRows(ids).catch(complain), 20);
    return () => clearTimeout(timer);
  }, [ids.join(), points.value]);

  const facets = points.value?.facets ?? [];
  const isSimilar = listing.value.kind === "similar";
  return (
    <section class="list" aria-label="List of sounds" data-panel="list">
      <ListTitle />
      <div
        role="grid"
        class={isSimilar ? "grid similar" : "grid"}
        aria-rowcount={total + 1}
        aria-label="Sounds"
        aria-multiselectable="true"
      >
        <Head facets={facets} isSimilar={isSimilar} />
        <div
          class="rows"
          ref={box}
          role="rowgroup"
          onScroll={(event) => {
            top.value = event.currentTarget.scrollTop;
          }}
        >
          <div role="presentation" style={{ height: `${height}px` }}>
            <div role="presentation" style={{ transform: `translateY(${shift}px)` }}>
              {items.map((item, number) => (
                <ListRow
                  key={item.id}
                  item={item}
                  at={first + number}
                  facets={facets}
                  isFirst={first + number === 0}
                />
              ))}
            </div>
          </div>
          {!total && points.value && <Nothing />}
        </div>
      </div>
    </section>
  );
}

function Nothing() {
  return (
    <p class="nothing">
      {points.value!.length
        ? "Nothing matches. Take a filter away, or search for another word."
        : "The sounds appear here as they are analysed."}
    </p>
  );
}

/** What is said of similar sounds, by id; undefined where the list is of all. */
function similarities(): Map<number, Item> | undefined {
  const current = listing.value;
  if (current.kind !== "similar") return undefined;
  return new Map(current.found.map((one) => [one.id, one]));
}

function ListTitle() {
  const current = listing.value;
  if (current.kind === "all" && !waiting.value) return null;
  return (
    <div class="list-title">
      {current.kind !== "all" && (
        <>
          <button type="button" class="quiet" onClick={showAll} aria-label="Back to all sounds">
            ←
          </button>
          <span>{current.title}</span>
        </>
      )}
      {waiting.value > 0 && (
        <button
          type="button"
          class="new"
          onClick={() => {
            sort.value = { ...sort.value };
          }}
        >
          ⟳ {count(waiting.value)} new
        </button>
      )}
    </div>
  );
}

function Head({ facets, isSimilar }: { facets: Facet[]; isSimilar: boolean }) {
  const columns = [
    { key: "name", text: "name" },
    { key: "", text: "wave" },
    { key: "class", text: "class" },
    { key: "prob", text: "sure" },
    ...(isSimilar
      ? [
          { key: "", text: "alike" },
          { key: "", text: "how it differs" },
        ]
      : facets.map((facet) => ({ key: facet.word, text: heading(facet) }))),
    { key: "", text: "folder" },
  ];
  const by = sort.value;
  return (
    <div role="row" class="row head" aria-rowindex={1}>
      {columns.map(({ key, text }, number) => (
        <span
          key={number}
          role="columnheader"
          aria-sort={
            key && by.key === key && !isSimilar
              ? isRising(by)
                ? "ascending"
                : "descending"
              : "none"
          }
        >
          {key && !isSimilar ? (
            <button
              type="button"
              onClick={() => {
                history.mark();
                sort.value = { key, reverse: by.key === key ? !by.reverse : false };
              }}
            >
              {text}
              {by.key === key ? (isRising(by) ? " ↑" : " ↓") : ""}
            </button>
          ) : (
            text
          )}
        </span>
      ))}
    </div>
  );
}

/** Whether the smallest is on top; some things are listed with the largest first. */
function isRising({ key, reverse }: Sort): boolean {
  return (key === "prob" || key === "added") === reverse;
}

interface RowProps {
  item: Item;
  at: number;
  facets: Facet[];
  isFirst: boolean;
}

function ListRow({ item, at, facets, isFirst }: RowProps) {
  const all = points.value!;
  const row = all.rowOf(item.id);
  const about = rowOf(item.id);
  const one = library.value?.network?.classes[all.cls[row]];
  const colour = currentTheme().families[one?.family ?? 7];
  const isCursor = cursor.value === item.id;
  const flags = all.flags[row] ?? 0;
  const state = [
    "row",
    isCursor && "cursor",
    selection.value.has(item.id) && "selected",
    playing.value.has(item.id) && "playing",
    flags & Flag.offline && "offline",
    flags & Flag.heard && "heard",
  ].filter(Boolean);
  const level = all.levels[(all.probability[row] - 1) >> 1] ?? 0;
  return (
    <div
      role="row"
      class={state.join(" ")}
      aria-rowindex={at + 2}
      aria-selected={selection.value.has(item.id) || isCursor}
      tabIndex={isCursor || (isFirst && !cursor.value) ? 0 : -1}
      data-id={item.id}
      draggable
      onPointerDown={() => prepareDrag(item.id)}
      onDragStart={(event) => dragged(event, item.id)}
      onClick={(event) => {
        if (event.shiftKey) extendTo(item.id);
        else if (event.ctrlKey || event.metaKey) toggle(item.id);
        else {
          selection.value = new Set();
          visit(item.id);
          map?.reveal(item.id);
        }
      }}
    >
      <span role="gridcell" class="name" title={about?.name}>
        <i style={{ background: colour, color: colour }} />
        {about?.name ?? "…"}
        {about && about.copies.length > 0 && (
          <small title={about.copies.join("\n")}> +{about.copies.length}</small>
        )}
      </span>
      <span role="gridcell">
        <Wave id={item.id} colour={colour} isLive />
      </span>
      <span role="gridcell">{one?.name}</span>
      <span role="gridcell" class="number">
        {percent(about?.probability ?? level)}
      </span>
      {item.similarity === undefined ? (
        facets.map((facet) => (
          <span key={facet.key} role="gridcell" class="number">
            {about ? measured(about.facts[facet.key] as number | null, facet.unit) : ""}
          </span>
        ))
      ) : (
        <>
          <span role="gridcell" class="number">
            {item.similarity.toFixed(2)}
          </span>
          <span role="gridcell">{item.why}</span>
        </>
      )}
      <span role="gridcell" class="folder" title={about?.path}>
        {about?.folder.split("/").at(-1)}
      </span>
    </div>
  );
}
