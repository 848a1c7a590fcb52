// The sound under the cursor, with all that is known of it.

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { copyPath, reveal, shelve, similar, toPad, visit } from "../actions.ts";
import { api } from "../api.ts";
import { dragged, prepareDrag } from "../drag.ts";
import { currentTheme } from "../map/MapPanel.tsx";
import { cursor, library, points, selection } from "../state.ts";
import { complain, player } from "../store.ts";
import type { Sound } from "../types.ts";
import { count, measured, percent } from "../words.ts";
import { Wave } from "./Wave.tsx";

const SHOWN = 4; // classes
const LEAST = 0.01;

export function CardPanel() {
  const sound = useSignal<Sound | null>(null);
  const id = cursor.value;
  const revision = points.value;
  useEffect(() => {
    if (!id) {
      sound.value = null;
      return;
    }
    const timer = setTimeout(() => {
      api.sound(id).then((found) => {
        if (cursor.value === id) sound.value = found;
      }, complain);
    }, 40); // not for each of those that one passes by
    return () => clearTimeout(timer);
  }, [id, revision]);
  if (!id || !sound.value) return <Invitation />;
  return <Card sound={sound.value} />;
}

function Invitation() {
  return (
    <aside class="card" aria-label="Sound" data-panel="card">
      <p class="hint">
        Point at a sound on the map to hear it. Click it, or walk with the arrow keys, and it is
        described here.
      </p>
    </aside>
  );
}

function Card({ sound }: { sound: Sound }) {
  const classes = library.value?.network?.classes ?? [];
  const colours = currentTheme().families;
  const familyOf = (code: string) => classes.find((one) => one.code === code)?.family ?? 7;
  const nameOf = (code: string) => classes.find((one) => one.code === code)?.name ?? code;
  const colour = colours[familyOf(sound.class)];
  const seconds = sound.facts.duration_s as number | null;
  const likely = Object.entries(sound.probabilities).filter(([, p]) => p >= LEAST);
  const others = selection.value.size;
  return (
    <aside class="card" aria-label="Sound" data-panel="card" data-card={sound.id}>
      <h2
        title={sound.path}
        draggable
        onPointerDown={() => prepareDrag(sound.id)}
        onDragStart={(event) => dragged(event, sound.id)}
      >
        {sound.name}
      </h2>
      <button
        type="button"
        class="big-wave"
        aria-label="Play from here"
        onClick={(event) => {
          const box = event.currentTarget.getBoundingClientRect();
          const part = event.detail ? (event.clientX - box.left) / box.width : 0;
          player.play(sound.id, { from: part * Math.min(30, seconds ?? 30) });
        }}
      >
        <Wave id={sound.id} class="wave" colour={colour} isLive />
      </button>
      <div class="buttons">
        <button type="button" class="main" onClick={() => void shelve()}>
          {others > 1 ? `Shelve ${count(others)}` : "Shelve"} <kbd>↵</kbd>
        </button>
        <button type="button" onClick={() => void similar()}>
          Similar <kbd>S</kbd>
        </button>
        <button type="button" onClick={toPad}>
          To pad <kbd>P</kbd>
        </button>
        {library.value?.capabilities.reveal && (
          <button type="button" onClick={reveal}>
            Reveal <kbd>O</kbd>
          </button>
        )}
        <button type="button" title="Ctrl C" onClick={() => void copyPath()}>
          Copy path
        </button>
      </div>
      {!sound.online && <p class="away">Its drive is not there.</p>}
      {sound.warning && <p class="away">{sound.warning}</p>}
      <ul class="likely">
        {likely.slice(0, SHOWN).map(([code, p]) => (
          <li key={code}>
            <span>{nameOf(code)}</span>
            <i>
              <b style={{ width: `${100 * p}%`, background: colours[familyOf(code)] }} />
            </i>
            <em>{percent(p)}</em>
          </li>
        ))}
      </ul>
      <dl>
        {points.value?.facets.map((facet) => (
          <div key={facet.key}>
            <dt>{{ centroid: "brightness" }[facet.label] ?? facet.label}</dt>
            <dd>{measured(sound.facts[facet.key] as number | null, facet.unit)}</dd>
          </div>
        ))}
        <div>
          <dt>file</dt>
          <dd>{fileText(sound)}</dd>
        </div>
        {sound.percussion !== null && (
          <div>
            <dt>percussion</dt>
            <dd>{percent(sound.percussion)}</dd>
          </div>
        )}
        <div>
          <dt>added</dt>
          <dd>{new Date(1000 * sound.added_at).toLocaleDateString()}</dd>
        </div>
      </dl>
      <p class="where" title={sound.path}>
        {sound.folder}
      </p>
      {sound.copies.length > 0 && (
        <details>
          <summary>
            {sound.copies.length === 1 ? "1 copy" : `${sound.copies.length} copies`}
          </summary>
          <ul class="copies">
            {sound.copies.map((path) => (
              <li key={path}>{path}</li>
            ))}
          </ul>
        </details>
      )}
      <Like id={sound.id} />
    </aside>
  );
}

function fileText(sound: Sound): string {
  const { container, encoding, sample_rate, channels } = sound.facts;
  const sides = channels === 1 ? "mono" : channels === 2 ? "stereo" : `${channels} channels`;
  const bits = String(encoding ?? "").match(/PCM_(\d+)/)?.[1];
  const rate = typeof sample_rate === "number" ? `${sample_rate / 1000} kHz` : "";
  return [container, bits ? `${bits} bit` : "", rate, sides].filter(Boolean).join(" · ");
}

/** A few sounds that are like it, to go on from. */
function Like({ id }: { id: number }) {
  const found = useSignal<{ id: number; similarity: number; why: string; name: string }[]>([]);
  useEffect(() => {
    const timer = setTimeout(async () => {
      try {
        const near = await api.similar([id], {}, 6);
        const names = new Map(
          (await api.rows(near.map((one) => one.id))).map((row) => [row.id, row.name]),
        );
        if (cursor.value === id)
          found.value = near.map((one) => ({ ...one, name: names.get(one.id) ?? "" }));
      } catch (error) {
        complain(error);
      }
    }, 250);
    return () => clearTimeout(timer);
  }, [id]);
  if (!found.value.length) return null;
  return (
    <div class="like">
      <h3>Sounds like it</h3>
      <ul>
        {found.value.map((one) => (
          <li key={one.id}>
            <button type="button" title={one.why} onClick={() => visit(one.id)}>
              <span>{one.name}</span>
              <em>{one.why || "much alike"}</em>
              <b>{one.similarity.toFixed(2)}</b>
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}
