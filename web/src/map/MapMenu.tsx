// What is done to the whole map: settled, redrawn, or as it was before.

import { useRef } from "preact/hooks";
import { api } from "../api.ts";
import { drawing, library } from "../state.ts";
import { complain, say } from "../store.ts";

type Action = "settle" | "redraw" | "undo";

async function draw(action: Action): Promise<void> {
  try {
    await api.drawMap(action);
    if (action === "undo") say("The map is as it was before.", () => void draw("undo"));
  } catch (error) {
    complain(error);
  }
}

export function MapMenu() {
  const details = useRef<HTMLDetailsElement>(null);
  const about = library.value?.map;
  if (!about) return null;
  const isBusy = drawing.value.action !== null;
  const item = (action: Action, name: string, text: string, can: boolean) => (
    <button
      type="button"
      disabled={!can || isBusy}
      onClick={() => {
        details.current!.open = false;
        void draw(action);
      }}
    >
      <b>{name}</b>
      <span>{text}</span>
    </button>
  );
  return (
    <details
      class="map-menu"
      ref={details}
      onFocusOut={(event) => {
        if (!details.current!.contains(event.relatedTarget as Node | null))
          details.current!.open = false;
      }}
    >
      <summary aria-label="Change the map" title="Change the map">
        ⋯
      </summary>
      <div>
        {item(
          "settle",
          "Settle",
          about.can_settle
            ? "Your sounds move nearer to those of yours that they resemble. Kicks stay where kicks are. Takes minutes for a large library."
            : "Needs one more package: pip install 'libindex[map]'",
          about.can_settle,
        )}
        {item(
          "redraw",
          "Redraw",
          about.can_redraw
            ? "All sounds go where the map that came with libindex puts them."
            : "This network came without a map.",
          about.can_redraw,
        )}
        {item("undo", "Undo", "The map as it was before that.", about.can_undo)}
      </div>
    </details>
  );
}

export function Progress() {
  const { action, part } = drawing.value;
  if (!action) return null;
  const name = action === "settle" ? "Settling the map" : "Redrawing the map";
  return (
    <div class="drawing" role="status">
      <span>{name}</span>
      <progress value={part} aria-label={name} />
      <button type="button" onClick={() => api.drawMap("stop").catch(complain)}>
        Stop
      </button>
    </div>
  );
}
