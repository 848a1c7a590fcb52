// The line at the top: search, history, and how things are.

import {
  back,
  dropWord,
  filter,
  forward,
  random,
  toggleHelp,
  toggleHover,
  toggleLevels,
  togglePads,
  toggleShelf,
} from "../actions.ts";
import { history } from "../history.ts";
import {
  away,
  drawer,
  filters,
  library,
  points,
  preferences,
  searched,
  shown,
  watching,
} from "../state.ts";
import { count } from "../words.ts";

export function TopBar() {
  const { back: past, forward: future } = history.length.value;
  return (
    <header class="top">
      <h1>
        <img src="icon.svg" alt="" width="22" height="22" />
        libindex
      </h1>
      <Search />
      <p class="count" aria-live="polite">
        <b>{count(shown.value.count)}</b> of {count(points.value?.length ?? 0)}
      </p>
      <div class="group" role="group" aria-label="History">
        <button type="button" disabled={!past} title="Back ([)" aria-label="Back" onClick={back}>
          <svg viewBox="0 0 16 16" width="14" height="14" aria-hidden="true">
            <path
              d="M14 8H3M7 3.5 2.5 8 7 12.5"
              fill="none"
              stroke="currentcolor"
              stroke-width="1.8"
            />
          </svg>
        </button>
        <button
          type="button"
          disabled={!future}
          title="Forward (])"
          aria-label="Forward"
          onClick={forward}
        >
          <svg viewBox="0 0 16 16" width="14" height="14" aria-hidden="true">
            <path
              d="M2 8h11M9 3.5 13.5 8 9 12.5"
              fill="none"
              stroke="currentcolor"
              stroke-width="1.8"
            />
          </svg>
        </button>
        <button
          type="button"
          title="A sound at random (R)"
          aria-label="A sound at random"
          onClick={random}
        >
          <svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
            <rect x="1.5" y="1.5" width="13" height="13" rx="3" fill="none" stroke="currentcolor" />
            {[4.6, 11.4].flatMap((x) =>
              [4.6, 11.4].map((y) => (
                <circle key={`${x} ${y}`} cx={x} cy={y} r="1.2" fill="currentcolor" />
              )),
            )}
            <circle cx="8" cy="8" r="1.2" fill="currentcolor" />
          </svg>
        </button>
      </div>
      <Status />
      <Sound />
      <div class="group">
        <button
          type="button"
          aria-pressed={drawer.value === "shelf"}
          title="Shelf (J)"
          onClick={toggleShelf}
        >
          Shelf
        </button>
        <button
          type="button"
          aria-pressed={drawer.value === "pads"}
          title="Pads (K)"
          onClick={togglePads}
        >
          Pads
        </button>
        <ThemeButton />
        <button
          type="button"
          title="Keys and settings (?)"
          aria-label="Keys and settings"
          onClick={toggleHelp}
        >
          ?
        </button>
      </div>
    </header>
  );
}

function Search() {
  const { understood, problem } = searched.value;
  const names = new Map((library.value?.network?.classes ?? []).map((one) => [one.code, one.name]));
  return (
    <div class="search">
      <input
        data-search
        type="search"
        aria-label="Search: classes and names; a minus leaves out"
        placeholder="snare 808 -vinyl"
        spellcheck={false}
        autocomplete="off"
        value={filters.value.text}
        onInput={(event) => filter({ text: event.currentTarget.value }, "text")}
        onBlur={() => history.settle()}
      />
      {!filters.value.text && <kbd>/</kbd>}
      {understood.length > 0 && !problem && (
        <ul class="words" aria-label="Understood as">
          {understood.map((one) => (
            <li key={`${one.not}${one.word}`} class={one.classes.length ? "is-class" : "is-name"}>
              {one.not && "not "}
              {one.classes.length
                ? one.classes.map((code) => names.get(code) ?? code).join(", ")
                : `“${one.word}”`}
              <button
                type="button"
                aria-label={`Without ${one.word}`}
                onClick={() => dropWord(one.word)}
              >
                ×
              </button>
            </li>
          ))}
        </ul>
      )}
      {problem && (
        <p class="problem" role="status">
          {problem}
        </p>
      )}
    </div>
  );
}

function Status() {
  const { state, doing, trouble } = watching.value;
  if (away.value)
    return (
      <p class="status bad" role="status">
        {away.value === "ended"
          ? "libindex is not running; this page goes on after: "
          : "libindex was started again; this page goes on after: "}
        <code>libindex serve</code>
      </p>
    );
  if (trouble)
    return (
      <p class="status bad" role="status" title={trouble}>
        {trouble}
      </p>
    );
  if (doing)
    return (
      <p class="status busy" role="status" title={doing}>
        {doing}
      </p>
    );
  const where = state === "elsewhere" ? "watched by another libindex" : "watching";
  return (
    <p class="status">
      {state === "off" ? (
        ""
      ) : (
        <>
          <i aria-hidden="true">●</i> {where}
        </>
      )}
    </p>
  );
}

function Sound() {
  const now = preferences.value;
  const set = (to: Partial<typeof now>) => {
    preferences.value = { ...preferences.value, ...to };
  };
  return (
    <div class="group sound">
      <button
        type="button"
        aria-pressed={now.hover}
        title="Pointing plays (M)"
        onClick={toggleHover}
      >
        Hover
      </button>
      <button
        type="button"
        aria-pressed={now.matchLevels}
        title="Equal loudness (V)"
        onClick={toggleLevels}
      >
        Match level
      </button>
      <input
        type="range"
        class="volume"
        aria-label="Volume"
        min="0"
        max="1"
        step="0.01"
        value={now.volume}
        onInput={(event) => set({ volume: event.currentTarget.valueAsNumber })}
      />
    </div>
  );
}

const NEXT = { auto: "light", light: "dark", dark: "auto" } as const;

function ThemeButton() {
  const { theme } = preferences.value;
  return (
    <button
      type="button"
      aria-label={`Colours: ${theme}`}
      title={`Colours: ${theme}`}
      onClick={() => {
        preferences.value = { ...preferences.value, theme: NEXT[theme] };
      }}
    >
      {theme === "light" ? "☀" : theme === "dark" ? "☾" : "◐"}
    </button>
  );
}
