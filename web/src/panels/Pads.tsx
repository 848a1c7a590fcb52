// Pads to play, sixteen steps to hear them in a beat, and the kit that is written of them.

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import {
  chooseLayout,
  fillPads,
  loadLayouts,
  putOnPad,
  sourceOfPads,
  strike,
  swapPads,
} from "../actions.ts";
import { ApiFailure, api, type Written } from "../api.ts";
import { PAD_TYPE } from "../drag.ts";
import {
  bank,
  change,
  chosenPad,
  filled,
  kit,
  layouts,
  PAD_KEYS,
  soundsByKey,
  step,
  stepsOf,
  tempo,
  toggleLock,
  toggleStep,
  withPad,
} from "../kit.ts";
import { currentTheme } from "../map/MapPanel.tsx";
import { hasMidi, listenToMidi } from "../sound/midi.ts";
import { percentOf, Sequencer, STEPS } from "../sound/steps.ts";
import { library, padMode, playing, selection, shown } from "../state.ts";
import { complain, fetchRows, player, rowOf, say } from "../store.ts";
import type { KitPad } from "../types.ts";
import { Wave } from "./Wave.tsx";

const BANK = 16;
/** Positions row by row, the lowest row of keys at the bottom, as on pads. */
const AS_KEYS_LIE = [3, 2, 1, 0].flatMap((row) => [0, 1, 2, 3].map((column) => 4 * row + column));

const sequencer = new Sequencer(
  () => player.now,
  () => tempo.value,
  (number, when) => {
    for (const { key, id } of kit.value.pads)
      if (id !== null && stepsOf(key)[number]) void strike(key, 1, when);
    setTimeout(
      () => {
        if (sequencer.isRunning) step.value = number;
      },
      1000 * (when - player.now),
    );
  },
);

export function PadsPanel() {
  useEffect(() => {
    loadLayouts().catch(complain);
    return () => {
      sequencer.stop();
      step.value = -1;
    };
  }, []);
  const { pads, layout, locked } = kit.value;
  useEffect(() => {
    const ids = pads.flatMap((pad) => pad.id ?? []);
    fetchRows(ids).catch(complain);
  }, [pads]);
  const banks = Math.ceil(pads.length / BANK);
  const first = bank.value * BANK;
  const shownPads = pads.slice(first, first + BANK);
  return (
    <section class="drawer pads" aria-label="Pads" data-panel="pads">
      <div class="drawer-head">
        <label>
          layout{" "}
          <select value={layout} onChange={(event) => chooseLayout(event.currentTarget.value)}>
            {layouts.value.map((one) => (
              <option key={one.name} value={one.name}>
                {one.name === String(one.pads.length) ? "" : `${one.name} · `}
                {one.pads.length} pads
              </option>
            ))}
          </select>
        </label>
        {banks > 1 && (
          <div class="segments" role="radiogroup" aria-label="Bank">
            {Array.from({ length: banks }, (_, number) => (
              <button
                key={number}
                type="button"
                role="radio"
                aria-checked={bank.value === number}
                onClick={() => {
                  bank.value = number;
                }}
              >
                {number + 1}
              </button>
            ))}
          </div>
        )}
        <button
          type="button"
          class={filled.value ? "" : "main"}
          disabled={!selection.value.size && !shown.value.count}
          onClick={() => void fillPads()}
        >
          Fill from {sourceOfPads().text}
        </button>
        <button
          type="button"
          title="Another choice of the same"
          onClick={() => void fillPads(true)}
        >
          Shuffle
        </button>
        <button
          type="button"
          disabled={!filled.value || locked.size >= filled.value}
          onClick={() => void swapPads()}
        >
          Swap all
        </button>
        <label class="check">
          <input
            type="checkbox"
            checked={padMode.value}
            onChange={(event) => {
              padMode.value = event.currentTarget.checked;
              event.currentTarget.blur();
            }}
          />
          keys play pads
        </label>
        {hasMidi && <Midi />}
      </div>
      <div class="pads-body">
        <div class="pad-grid" role="group" aria-label={`Bank ${bank.value + 1}`}>
          {AS_KEYS_LIE.filter((position) => position < shownPads.length).map((position) => (
            <Pad
              key={shownPads[position].key}
              pad={shownPads[position]}
              letter={PAD_KEYS[position].toUpperCase()}
              isLocked={locked.has(shownPads[position].key)}
            />
          ))}
        </div>
        <Steps />
        <WriteKit />
      </div>
    </section>
  );
}

function Pad({ pad, letter, isLocked }: { pad: KitPad; letter: string; isLocked: boolean }) {
  const about = pad.id === null ? undefined : rowOf(pad.id);
  const classes = library.value?.network?.classes ?? [];
  const family = classes.find((one) => one.code === pad.classes[0])?.family ?? 7;
  const colour = currentTheme().families[family];
  const isOver = useSignal(false);
  const state = [
    "pad",
    pad.id === null && "empty",
    isOver.value && "over",
    chosenPad.value === pad.key && "chosen",
    pad.id !== null && playing.value.has(pad.id) && "playing",
  ].filter(Boolean);
  const name = about?.name ?? (pad.id === null ? "empty" : "…");
  return (
    <div
      class={state.join(" ")}
      style={{ borderTopColor: colour }}
      onDragOver={(event) => {
        if (!event.dataTransfer?.types.includes(PAD_TYPE)) return;
        event.preventDefault();
        isOver.value = true;
      }}
      onDragLeave={() => {
        isOver.value = false;
      }}
      onDrop={(event) => {
        isOver.value = false;
        const id = Number(event.dataTransfer?.getData(PAD_TYPE));
        if (!id) return;
        event.preventDefault();
        event.stopPropagation();
        putOnPad(pad.key, id);
      }}
    >
      <button
        type="button"
        class="hit"
        title={`${pad.key} ${pad.label}\n${name}`}
        onPointerDown={() => {
          chosenPad.value = pad.key;
          void strike(pad.key);
        }}
        onClick={(event) => {
          if (event.detail === 0) void strike(pad.key); // by a key
        }}
      >
        <span class="pad-top">
          <b>{pad.label}</b>
          {padMode.value && <kbd>{letter}</kbd>}
        </span>
        {pad.id !== null && <Wave id={pad.id} colour={colour} isLive />}
        <span class="pad-name">{name}</span>
      </button>
      {pad.id !== null && (
        <div class="pad-buttons">
          <button
            type="button"
            aria-pressed={isLocked}
            aria-label={`Lock ${pad.label}`}
            title="Lock"
            onClick={() => toggleLock(pad.key)}
          >
            <Lock isClosed={isLocked} />
          </button>
          <button
            type="button"
            aria-label={`Swap ${pad.label}`}
            title="Swap for a similar sound"
            onClick={() => void swapPads([pad.key])}
          >
            ⟳
          </button>
          <button
            type="button"
            aria-label={`Clear ${pad.label}`}
            title="Clear"
            onClick={() => change({ pads: withPad(pad.key, null) })}
          >
            ×
          </button>
        </div>
      )}
    </div>
  );
}

function Lock({ isClosed }: { isClosed: boolean }) {
  return (
    <svg viewBox="0 0 16 16" width="12" height="12" fill="currentcolor" aria-hidden="true">
      <rect x="3" y="7" width="10" height="7" rx="1" />
      <path
        d={isClosed ? "M5 7V5a3 3 0 0 1 6 0v2" : "M5 7V4a3 3 0 0 1 6 0"}
        fill="none"
        stroke="currentcolor"
        stroke-width="1.6"
      />
    </svg>
  );
}

function Midi() {
  const state = useSignal("MIDI");
  const turnOn = async () => {
    try {
      const inputs = await listenToMidi((key, velocity) => void strike(key, velocity));
      state.value = inputs ? `MIDI: ${inputs}` : "MIDI: none plugged in";
    } catch {
      state.value = "MIDI: not allowed";
    }
  };
  return (
    <button type="button" title="Play the pads by a MIDI keyboard" onClick={() => void turnOn()}>
      {state.value}
    </button>
  );
}

function Steps() {
  const isRunning = useSignal(false);
  const rows = kit.value.pads.filter((pad) => pad.id !== null);
  const classes = library.value?.network?.classes ?? [];
  const colours = currentTheme().families;
  const colourOf = (pad: KitPad) =>
    colours[classes.find((one) => one.code === pad.classes[0])?.family ?? 7];
  const { bpm, swing } = tempo.value;
  const toggle = async () => {
    if (sequencer.isRunning) {
      sequencer.stop();
      step.value = -1;
    } else if (await player.open()) sequencer.start();
    isRunning.value = sequencer.isRunning;
  };
  return (
    <div class="steps" role="group" aria-label="Beat">
      <div class="steps-head">
        <button
          type="button"
          aria-pressed={isRunning.value}
          disabled={!rows.length}
          onClick={() => void toggle()}
        >
          {isRunning.value ? "■ Stop" : "▶ Beat"}
        </button>
        <label>
          BPM{" "}
          <input
            type="number"
            min="40"
            max="240"
            value={bpm}
            onChange={(event) => {
              const value = Math.min(240, Math.max(40, event.currentTarget.valueAsNumber || 96));
              tempo.value = { ...tempo.value, bpm: value };
            }}
          />
        </label>
        <label>
          swing {percentOf(swing)} %{" "}
          <input
            type="range"
            min="0"
            max="0.66"
            step="0.02"
            value={swing}
            onInput={(event) => {
              tempo.value = { ...tempo.value, swing: event.currentTarget.valueAsNumber };
            }}
          />
        </label>
      </div>
      <div class="step-rows">
        {rows.map((pad) => {
          const row = stepsOf(pad.key);
          return (
            <div class="step-row" key={pad.key}>
              <span title={pad.label}>{pad.label}</span>
              {Array.from({ length: STEPS }, (_, number) => (
                <button
                  key={number}
                  type="button"
                  class={step.value === number ? "step now" : "step"}
                  aria-pressed={row[number]}
                  style={{ background: row[number] ? colourOf(pad) : undefined }}
                  aria-label={`${pad.label}, step ${number + 1}`}
                  onClick={() => toggleStep(pad.key, number)}
                />
              ))}
            </div>
          );
        })}
        {!rows.length && <p class="hint">Fill the pads, or drag sounds onto them.</p>}
      </div>
    </div>
  );
}

function WriteKit() {
  const name = useSignal("My kit");
  const formats = useSignal<readonly string[]>(["hydrogen"]);
  const matchLevels = useSignal(false);
  const choke = useSignal(true);
  const done = useSignal<Written | null>(null);
  const exists = useSignal(false);
  const isBusy = useSignal(false);
  const all = library.value?.capabilities.formats ?? [];
  const write = async (replace: boolean) => {
    isBusy.value = true;
    exists.value = false;
    done.value = null;
    try {
      done.value = await api.write({
        layout: kit.value.layout,
        pads: soundsByKey(),
        name: name.value,
        formats: [...formats.value],
        match_levels: matchLevels.value,
        choke: choke.value,
        replace,
      });
      say(`${name.value}: ${done.value.pads} pads written`);
    } catch (error) {
      if (error instanceof ApiFailure && error.code === "exists") exists.value = true;
      else complain(error);
    } finally {
      isBusy.value = false;
    }
  };
  return (
    <form
      class="write"
      onSubmit={(event) => {
        event.preventDefault();
        void write(false);
      }}
    >
      <input
        aria-label="Name of the kit"
        value={name.value}
        onInput={(event) => {
          name.value = event.currentTarget.value;
          exists.value = false;
        }}
      />
      <div class="formats" role="group" aria-label="Formats">
        {all.map((one) => (
          <label key={one.name} class="check">
            <input
              type="checkbox"
              checked={formats.value.includes(one.name)}
              onChange={() => {
                const others = formats.value.filter((other) => other !== one.name);
                formats.value =
                  others.length < formats.value.length ? others : [...others, one.name];
              }}
            />
            {one.title}
          </label>
        ))}
      </div>
      <label class="check">
        <input
          type="checkbox"
          checked={matchLevels.value}
          onChange={(event) => {
            matchLevels.value = event.currentTarget.checked;
          }}
        />
        match levels
      </label>
      <label class="check">
        <input
          type="checkbox"
          checked={choke.value}
          onChange={(event) => {
            choke.value = event.currentTarget.checked;
          }}
        />
        hi-hats choke each other
      </label>
      <button
        type="submit"
        class={filled.value ? "main" : ""}
        disabled={!filled.value || !formats.value.length || isBusy.value}
      >
        {isBusy.value ? "Writing …" : `Write kit (${filled.value})`}
      </button>
      {exists.value && (
        <p class="away">
          A kit of this name is there.{" "}
          <button type="button" onClick={() => void write(true)}>
            Replace it
          </button>
        </p>
      )}
      {done.value && (
        <p class="done" role="status">
          In <code>{done.value.folder}</code>
          {done.value.warnings.map((one) => (
            <span key={one}>{one}</span>
          ))}
        </p>
      )}
    </form>
  );
}
