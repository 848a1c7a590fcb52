// The page.

import { signal } from "@preact/signals";
import { render } from "preact";
import { useEffect } from "preact/hooks";
import { onLasso, pick, point, similarToFile } from "./actions.ts";
import { ApiFailure, login } from "./api.ts";
import { keep } from "./keeping.ts";
import { onKey } from "./keys.ts";
import { MapPanel } from "./map/MapPanel.tsx";
import { CardPanel } from "./panels/Card.tsx";
import { FilterPanel } from "./panels/Filters.tsx";
import { HelpPanel } from "./panels/Help.tsx";
import { ListPanel } from "./panels/List.tsx";
import { Message } from "./panels/Message.tsx";
import { PadsPanel } from "./panels/Pads.tsx";
import { ShelfPanel } from "./panels/Shelf.tsx";
import { TopBar } from "./panels/Top.tsx";
import { Welcome } from "./panels/Welcome.tsx";
import { announcement, drawer, helpOpen, library, points } from "./state.ts";
import { load, player, restorePreferences, start } from "./store.ts";

const BRIEFLY_FOCUSED = "button, [role=slider], input[type=range], input[type=checkbox]";

const problem = signal("");
const isOverPage = signal(false);

/** What was clicked or dragged gives the keys back to the list; what Tab went to keeps them. */
function release(): void {
  setTimeout(() => {
    const focused = document.activeElement;
    if (focused instanceof HTMLElement && focused.matches(BRIEFLY_FOCUSED)) focused.blur();
  });
}

function Page() {
  useEffect(() => {
    // The browser lets sound out after the first click or key.
    const open = () => void player.open();
    const over = (event: DragEvent) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      isOverPage.value = true;
    };
    const leave = (event: DragEvent) => {
      if (!event.relatedTarget) isOverPage.value = false;
    };
    const drop = (event: DragEvent) => {
      isOverPage.value = false;
      const file = event.dataTransfer?.files[0];
      if (!file) return;
      event.preventDefault();
      void similarToFile(file);
    };
    addEventListener("keydown", onKey);
    addEventListener("pointerdown", open);
    addEventListener("pointerup", release);
    addEventListener("keydown", open);
    addEventListener("dragover", over);
    addEventListener("dragleave", leave);
    addEventListener("drop", drop);
    return () => {
      removeEventListener("keydown", onKey);
      removeEventListener("pointerdown", open);
      removeEventListener("pointerup", release);
      removeEventListener("keydown", open);
      removeEventListener("dragover", over);
      removeEventListener("dragleave", leave);
      removeEventListener("drop", drop);
    };
  }, []);
  if (problem.value)
    return (
      <main class="alone">
        <h1>libindex</h1>
        <p>{problem.value}</p>
      </main>
    );
  const isEmpty = library.value !== null && points.value?.length === 0;
  return (
    <div class={`page drawer-${drawer.value}`} data-ready={points.value ? "" : undefined}>
      <TopBar />
      <FilterPanel />
      <main class="middle">
        {isEmpty ? <Welcome /> : <MapPanel onPoint={point} onPick={pick} onLasso={onLasso} />}
        <ListPanel />
      </main>
      <CardPanel />
      {drawer.value === "pads" && <PadsPanel />}
      {drawer.value === "shelf" && <ShelfPanel />}
      {helpOpen.value && <HelpPanel />}
      {isOverPage.value && <div class="drop">Drop a sound to find what is like it</div>}
      <Message />
      <div class="unseen" role="status" aria-live="polite">
        {announcement.value}
      </div>
    </div>
  );
}

async function begin(): Promise<void> {
  restorePreferences();
  render(<Page />, document.getElementById("page")!);
  try {
    if (!(await login())) {
      problem.value = "This page is opened by a command: libindex serve";
      return;
    }
    await load();
    keep(library.value!.id, points.value!);
    start();
  } catch (error) {
    const isForgotten = error instanceof ApiFailure && error.status === 401;
    problem.value = isForgotten
      ? "This address was used already. Open the page again: libindex serve"
      : error instanceof Error
        ? error.message
        : String(error);
  }
}

void begin();
