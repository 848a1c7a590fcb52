// Dragging a sound out of the page: everything is offered, and each browser lets through what it
// does. Onto pads it always works.

import { api } from "./api.ts";
import { rowOf } from "./store.ts";

export const PAD_TYPE = "application/x-libindex-sound";

let prepared: { id: number; url: string; name: string } | null = null;

/** A drag can't wait for an answer, so the address of the file is fetched when a row is pressed. */
export function prepareDrag(id: number): void {
  if (prepared?.id === id) return;
  api.ticket(id).then(
    ({ url, name }) => {
      prepared = { id, url: new URL(url, location.href).href, name };
      setTimeout(() => {
        if (prepared?.id === id) prepared = null;
      }, 50_000);
    },
    () => {}, // a drive that is away: then only pads take it
  );
}

export function dragged(event: DragEvent, id: number): void {
  const transfer = event.dataTransfer;
  if (!transfer) return;
  transfer.effectAllowed = "copy";
  transfer.setData(PAD_TYPE, String(id));
  const row = rowOf(id);
  if (!row) return;
  transfer.setData("text/plain", row.path);
  const file = `file://${row.path.split("/").map(encodeURIComponent).join("/")}`;
  transfer.setData("text/x-moz-url", `${file}\n${row.name}`);
  if (prepared?.id !== id) return;
  transfer.setData("text/uri-list", prepared.url);
  transfer.setData("DownloadURL", `application/octet-stream:${prepared.name}:${prepared.url}`);
}

/** What a drag out of this browser does. */
export function aboutDrags(agent = navigator.userAgent): string {
  const isLinux = /Linux|X11/.test(agent) && !/Android/.test(agent);
  if (/Firefox/.test(agent))
    return isLinux
      ? "Dragging a row from Firefox gives the file to programs made with Qt; others take it from the shelf."
      : "Dragging a row from Firefox gives some programs its address only; take it from the shelf.";
  if (isLinux)
    return "This browser gives no files to other programs by dragging on Linux: take them from the shelf.";
  return "Dragging a row may give other programs a copy; if yours takes none, take it from the shelf.";
}
