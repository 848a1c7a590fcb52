// The map: two canvases, one for the points and one for all that moves over them.

import { computed, signal, useSignalEffect } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { wantedClasses } from "../filtering.ts";
import type { Points } from "../points.ts";
import {
  canSound,
  cursor,
  filters,
  hover,
  isLassoing,
  library,
  points,
  preferences,
  searched,
  selection,
  shown,
  type View,
  view,
} from "../state.ts";
import { complain, fetchRows, rowOf } from "../store.ts";
import { measured, percent } from "../words.ts";
import { DARK, LIGHT, type Theme } from "./colours.ts";
import { type Direction, Grid } from "./grid.ts";
import { placed } from "./labels.ts";
import { inShape, type Spot } from "./lasso.ts";
import { MapMenu, Progress } from "./MapMenu.tsx";
import { Pixels, projection, radiusOf, type Size, WHILE_MOVING } from "./pixels.ts";
import { between, fitted, moved, zoomed } from "./view.ts";

const WIDTH = 65_535;
const REACH = 24; // CSS pixels from the pointer in which a sound is found
const CLICK = 4; // CSS pixels that a click may move
const GLIDE_MS = 350;
const FEW = 30; // sounds that get a ring each
const SPARSE = 500; // sounds, for which the names of regions make way
const JOURNEY_MS = 900;

export interface MapEvents {
  onPoint(id: number): void; // the pointer is on a sound, or on none (0)
  onPick(id: number, how: "only" | "add"): void;
  onLasso(ids: Uint32Array): void;
}

/** The map as others use it: set while it is on the page. */
export let map: MapController | null = null;

const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)");
const lightScheme = matchMedia("(prefers-color-scheme: light)");
const isSystemLight = signal(lightScheme.matches);
lightScheme.addEventListener("change", () => {
  isSystemLight.value = lightScheme.matches;
});

export function currentTheme(): Theme {
  const { theme } = preferences.value;
  return theme === "light" || (theme === "auto" && isSystemLight.value) ? LIGHT : DARK;
}

/** The sounds that are shown, if they are so few that they would be lost among the others. */
const few = computed<number[]>(() => {
  const all = points.value;
  const { mask, count } = shown.value;
  if (!all || !count || count > FEW || count === all.length) return [];
  return [...all.id.filter((_, row) => mask[row])];
});

export class MapController {
  private readonly pixels = new Pixels();
  private grid: Grid | null = null;
  private gridOf: Points | null = null;
  private familyOf = new Uint8Array(256);
  private frame = 0;
  private idle = 0;
  private glide = 0;
  private dirty = true;
  private shape: Spot[] | null = null;
  private last: Points | null = null;
  private moving: Points | null = null; // as they are drawn while they go to other places
  private journey = 0;
  readonly size: Size = { width: 1, height: 1, dpr: 1 };

  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly over: HTMLCanvasElement,
    private readonly events: MapEvents,
  ) {}

  resize(): void {
    const box = this.canvas.getBoundingClientRect();
    const dpr = Math.min(devicePixelRatio, 3);
    this.size.width = Math.max(1, Math.round(box.width * dpr));
    this.size.height = Math.max(1, Math.round(box.height * dpr));
    this.size.dpr = dpr;
    for (const canvas of [this.canvas, this.over]) {
      canvas.width = this.size.width;
      canvas.height = this.size.height;
    }
    this.redraw();
  }

  classesChanged(): void {
    library.value?.network?.classes.forEach((one, number) => {
      this.familyOf[number] = one.family;
    });
    this.redraw();
  }

  /** Draw everything in the next frame. */
  redraw(): void {
    this.dirty = true;
    this.redrawOver();
  }

  /** Draw only what lies over the points. */
  redrawOver(): void {
    if (!this.frame) this.frame = requestAnimationFrame(() => this.draw());
  }

  /** On another map sounds go to their places, so that eyes can follow. */
  pointsChanged(): void {
    const [from, to] = [this.last, points.value];
    this.last = to;
    cancelAnimationFrame(this.journey);
    this.moving = null;
    const isOther = from && to && from.header.map && from.header.map !== to.header.map;
    if (isOther && to.length <= WHILE_MOVING && !reducedMotion.matches) this.travel(from, to);
    this.redraw();
  }

  private travel(from: Points, to: Points): void {
    const start = performance.now();
    const rows = Int32Array.from(to.id, (id) => from.rowOf(id));
    const step = (now: number) => {
      const part = Math.min(1, Math.max(0, now - start) / JOURNEY_MS);
      const eased = part * part * (3 - 2 * part);
      const along = (a: Uint16Array, b: Uint16Array) =>
        b.map((end, row) => (rows[row] < 0 ? end : a[rows[row]] + (end - a[rows[row]]) * eased));
      this.moving = part < 1 ? to.at(along(from.x, to.x), along(from.y, to.y)) : null;
      this.redraw();
      if (part < 1) this.journey = requestAnimationFrame(step);
    };
    step(start);
  }

  private draw(): void {
    this.frame = 0;
    const all = this.moving ?? points.value;
    if (all && this.dirty) {
      this.dirty = false;
      cancelIdleCallback(this.idle);
      this.drawPoints(all, WHILE_MOVING);
      if (all.length > WHILE_MOVING)
        this.idle = requestIdleCallback(() => this.drawPoints(all, all.length), { timeout: 200 });
    }
    this.drawOver(all);
  }

  private drawPoints(all: Points, limit: number): void {
    const { mask } = shown.value;
    const theme = currentTheme();
    const image = this.pixels.draw(all, mask, this.familyOf, view.value, this.size, theme, limit);
    this.canvas.getContext("2d", { alpha: false })!.putImageData(image, 0, 0);
  }

  private drawOver(all: Points | null): void {
    const context = this.over.getContext("2d")!;
    const { width, height, dpr } = this.size;
    context.clearRect(0, 0, width, height);
    const theme = currentTheme();
    this.drawLabels(context, all, theme);
    if (all) {
      const radius = radiusOf(all.length, view.value, this.size);
      context.globalAlpha = 0.5;
      for (const id of few.value)
        this.ring(context, all, id, radius + 3 * dpr, 1.2 * dpr, theme.ink);
      context.globalAlpha = 1;
      const chosen = selection.value.size <= 2_000 ? selection.value : [];
      for (const id of chosen)
        this.ring(context, all, id, radius + 2.5 * dpr, 1.2 * dpr, theme.ink);
      this.ring(context, all, hover.value, radius + 4 * dpr, 1.5 * dpr, theme.ink);
      this.ring(context, all, cursor.value, radius + 5 * dpr, 2.5 * dpr, theme.ink);
      this.drawTip(context, all, theme);
    }
    if (this.shape?.length) this.drawShape(context, theme);
  }

  private drawLabels(context: CanvasRenderingContext2D, all: Points | null, theme: Theme): void {
    const network = library.value?.network;
    if (!network) return;
    const classes = new Map(network.classes.map((one) => [one.code, one]));
    const wanted = wantedClasses(filters.value, searched.value);
    const isWanted = (code: string) => !wanted.size || wanted.has(code);
    const font = (size: number, weight = 600) => {
      context.font = `${weight} ${size}px system-ui, sans-serif`;
      context.letterSpacing = `${size * 0.08}px`;
    };
    const labels = placed(
      library.value!.map?.regions ?? [],
      (code) => classes.get(code)?.name ?? code,
      (x, y) => this.toPixels(x, y),
      { ...this.size, zoom: view.value.zoom },
      (text, size) => {
        font(size);
        return context.measureText(text).width;
      },
      this.fewSpots(all),
    );
    const marked = [cursor.value, hover.value].map((id) => this.spotOf(all, id));
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.lineJoin = "round";
    for (const { code, text, x, y, size } of labels) {
      font(size, isWanted(code) ? 600 : 400);
      const half = context.measureText(text).width / 2;
      // What is marked is not written over.
      const isOver = marked.some(
        (spot) => spot && Math.abs(spot[0] - x) < half && Math.abs(spot[1] - y) < size,
      );
      const at = isOver ? y - size - 14 * this.size.dpr : y;
      context.globalAlpha = isWanted(code) ? 0.85 : 0.3;
      context.strokeStyle = theme.background;
      context.lineWidth = size * 0.5;
      context.strokeText(text, x, at);
      context.globalAlpha = isWanted(code) ? 1 : 0.35;
      context.fillStyle = theme.names[classes.get(code)?.family ?? 0];
      context.fillText(text, x, at);
    }
    context.globalAlpha = 1;
  }

  /** What a sound is, beside its point. */
  private drawTip(context: CanvasRenderingContext2D, all: Points, theme: Theme): void {
    const id = hover.value;
    const spot = this.spotOf(all, id);
    if (!spot) return;
    const { dpr, width } = this.size;
    const row = all.rowOf(id);
    const about = rowOf(id);
    const name = library.value?.network?.classes[all.cls[row]]?.name ?? "";
    const lines = about
      ? [
          about.name,
          `${name} ${percent(about.probability)} · ${measured(about.facts.duration_s as number, "s")}`,
        ]
      : [name];
    const font = (line: number) => {
      const [weight, size] = line ? [400, 11] : [600, 12];
      context.font = `${weight} ${size * dpr}px system-ui, sans-serif`;
    };
    context.letterSpacing = "0px";
    const wide = lines.map((text, line) => {
      font(line);
      return context.measureText(text).width;
    });
    const box = { width: Math.max(...wide) + 16 * dpr, height: (lines.length * 16 + 8) * dpr };
    const isRight = spot[0] + 14 * dpr + box.width > width;
    const left = isRight ? spot[0] - 14 * dpr - box.width : spot[0] + 14 * dpr;
    const isAbove = spot[1] - 14 * dpr - box.height > 0;
    const top = isAbove ? spot[1] - 14 * dpr - box.height : spot[1] + 14 * dpr;
    context.beginPath();
    context.roundRect(left, top, box.width, box.height, 6 * dpr);
    context.fillStyle = theme.raised;
    context.fill();
    context.lineWidth = dpr;
    context.strokeStyle = theme.dim;
    context.stroke();
    context.textAlign = "left";
    context.textBaseline = "middle";
    context.fillStyle = theme.ink;
    lines.forEach((text, line) => {
      font(line);
      context.globalAlpha = line ? 0.75 : 1;
      context.fillText(text, left + 8 * dpr, top + (12 + 16 * line) * dpr);
    });
    context.globalAlpha = 1;
  }

  /** Where a sound is on the canvas; null if it is nowhere. */
  private spotOf(all: Points | null, id: number): [number, number] | null {
    const row = id && all ? all.rowOf(id) : -1;
    return row < 0 ? null : this.toPixels(all!.x[row], all!.y[row]);
  }

  private ring(
    context: CanvasRenderingContext2D,
    all: Points,
    id: number,
    radius: number,
    width: number,
    colour: string,
  ): void {
    const spot = this.spotOf(all, id);
    if (!spot) return;
    context.beginPath();
    context.arc(...spot, radius, 0, 2 * Math.PI);
    context.lineWidth = width;
    context.strokeStyle = colour;
    context.stroke();
  }

  private drawShape(context: CanvasRenderingContext2D, theme: Theme): void {
    context.beginPath();
    for (const { x, y } of this.shape!) context.lineTo(...this.toPixels(x, y));
    context.closePath();
    context.lineWidth = 1.5 * this.size.dpr;
    context.strokeStyle = theme.ink;
    context.stroke();
    context.globalAlpha = 0.08;
    context.fillStyle = theme.ink;
    context.fill();
    context.globalAlpha = 1;
  }

  // Places and pixels

  private toPixels(x: number, y: number): [number, number] {
    const { scaleX, scaleY, left, top } = projection(view.value, this.size);
    return [x * scaleX + left, y * scaleY + top];
  }

  /** Where the shown sounds lie, if there are few. */
  private fewSpots(all: Points | null): [number, number][] {
    if (!all || all.length > SPARSE) return [];
    const { mask } = shown.value;
    const rows = Array.from(all.x.keys()).filter((row) => mask[row]);
    return rows.map((row) => this.toPixels(all.x[row], all.y[row]));
  }

  private toPlace(event: { clientX: number; clientY: number }): Spot {
    const box = this.canvas.getBoundingClientRect();
    const { scaleX, scaleY, left, top } = projection(view.value, this.size);
    const { dpr } = this.size;
    return {
      x: ((event.clientX - box.left) * dpr - left) / scaleX,
      y: ((event.clientY - box.top) * dpr - top) / scaleY,
    };
  }

  private index(): Grid | null {
    const all = points.value;
    if (all && this.gridOf !== all) {
      this.grid = new Grid(all);
      this.gridOf = all;
    }
    return this.grid;
  }

  /** The sound under the pointer, or 0. */
  at(event: { clientX: number; clientY: number }): number {
    const { x, y } = this.toPlace(event);
    const { scaleX, scaleY } = projection(view.value, this.size);
    const reach = (REACH * this.size.dpr) / scaleY;
    const row = this.index()?.nearest(x, y, reach, shown.value.mask, scaleX / scaleY) ?? -1;
    return row < 0 ? 0 : points.value!.id[row];
  }

  /** Sounds around one, the nearest first. */
  around(id: number, count: number): number[] {
    const all = points.value;
    const row = all?.rowOf(id) ?? -1;
    if (!all || row < 0) return [];
    const rows = this.index()!.around(all.x[row], all.y[row], count + 1, shown.value.mask);
    return rows.map((one) => all.id[one]).filter((one) => one !== id);
  }

  /** The sound in some direction from another, or 0. */
  towards(id: number, direction: Direction): number {
    const all = points.value;
    if (!all) return 0;
    const row = all.rowOf(id);
    if (row < 0) {
      const middle = this.index()!.around(
        view.value.x * WIDTH,
        view.value.y * WIDTH,
        1,
        shown.value.mask,
      );
      return middle.length ? all.id[middle[0]] : 0;
    }
    const found = this.index()!.towards(row, direction, shown.value.mask);
    return found < 0 ? 0 : all.id[found];
  }

  // The view

  go(to: View, animated = true): void {
    cancelAnimationFrame(this.glide);
    if (!animated || reducedMotion.matches) {
      view.value = to;
      return;
    }
    const from = view.value;
    const start = performance.now();
    const step = (now: number) => {
      const part = Math.min(1, (now - start) / GLIDE_MS);
      view.value = between(from, to, part);
      if (part < 1) this.glide = requestAnimationFrame(step);
    };
    this.glide = requestAnimationFrame(step);
  }

  zoomBy(factor: number): void {
    this.go(zoomed(view.value, factor));
  }

  fit(): void {
    const all = points.value;
    const { mask, count } = shown.value;
    if (!all || !count || count === all.length) {
      this.go({ x: 0.5, y: 0.5, zoom: 1 });
      return;
    }
    const xs: number[] = [];
    const ys: number[] = [];
    const every = Math.ceil(count / 20_000); // a sample of them is enough
    for (let row = 0, number = 0; row < all.length; row++)
      if (mask[row] && number++ % every === 0) {
        xs.push(all.x[row]);
        ys.push(all.y[row]);
      }
    this.go(fitted(xs, ys));
  }

  /** Move so that a sound is seen, if it is not. */
  reveal(id: number): void {
    const all = points.value;
    const row = all?.rowOf(id) ?? -1;
    if (!all || row < 0) return;
    const [x, y] = this.toPixels(all.x[row], all.y[row]);
    const { width, height } = this.size;
    const margin = 0.08 * Math.min(width, height);
    if (x > margin && y > margin && x < width - margin && y < height - margin) return;
    this.go({ ...view.value, x: all.x[row] / WIDTH, y: all.y[row] / WIDTH });
  }

  // Drawing a shape

  beginShape(event: { clientX: number; clientY: number }): void {
    this.shape = [this.toPlace(event)];
  }

  extendShape(event: { clientX: number; clientY: number }): void {
    this.shape?.push(this.toPlace(event));
    this.redrawOver();
  }

  showShape(shape: Spot[] | null): void {
    this.shape = shape;
    this.redrawOver();
  }

  endShape(): void {
    const shape = this.shape;
    this.shape = null;
    this.redrawOver();
    if (shape && shape.length > 2 && points.value)
      this.events.onLasso(inShape(points.value, shape, shown.value.mask));
  }

  // The pointer

  listen(): () => void {
    const { over } = this;
    const pointers = new Map<number, PointerEvent>();
    let pressed: PointerEvent | null = null;
    let isDragging = false;
    let isDrawing = false;
    let spread = 0;

    // CSS pixels as parts of the whole map's sides, as they are at a zoom of 1.
    const parts = (dx: number, dy: number): [number, number] => {
      const whole = projection({ x: 0, y: 0, zoom: 1 }, this.size);
      const { dpr } = this.size;
      return [(dx * dpr) / (whole.scaleX * WIDTH), (dy * dpr) / (whole.scaleY * WIDTH)];
    };
    const fromMiddle = (event: { clientX: number; clientY: number }): [number, number] => {
      const box = over.getBoundingClientRect();
      return parts(
        event.clientX - box.left - box.width / 2,
        event.clientY - box.top - box.height / 2,
      );
    };
    const down = (event: PointerEvent) => {
      over.setPointerCapture(event.pointerId);
      pointers.set(event.pointerId, event);
      cancelAnimationFrame(this.glide);
      if (pointers.size === 2) {
        const [one, other] = [...pointers.values()];
        spread = Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY);
        pressed = null;
        return;
      }
      pressed = event;
      isDragging = false;
      isDrawing = isLassoing.value || event.altKey || event.button === 2;
      if (isDrawing) this.beginShape(event);
    };
    const move = (event: PointerEvent) => {
      const last = pointers.get(event.pointerId);
      if (last) pointers.set(event.pointerId, event);
      if (pointers.size === 2) {
        const [one, other] = [...pointers.values()];
        const now = Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY);
        if (spread) view.value = zoomed(view.value, now / spread, ...fromMiddle(event));
        spread = now;
      } else if (isDrawing && pressed) this.extendShape(event);
      else if (pressed && last) {
        const far = Math.hypot(event.clientX - pressed.clientX, event.clientY - pressed.clientY);
        if (far > CLICK) isDragging = true;
        if (isDragging)
          view.value = moved(
            view.value,
            ...parts(event.clientX - last.clientX, event.clientY - last.clientY),
          );
      } else this.point(this.at(event));
    };
    const up = (event: PointerEvent) => {
      pointers.delete(event.pointerId);
      if (isDrawing && pressed) this.endShape();
      else if (pressed && !isDragging) {
        const id = this.at(event);
        this.events.onPick(id, event.shiftKey || event.ctrlKey || event.metaKey ? "add" : "only");
      }
      pressed = null;
      isDrawing = false;
    };
    const cancel = (event: PointerEvent) => {
      pointers.delete(event.pointerId);
      pressed = null;
      this.showShape(null);
    };
    const wheel = (event: WheelEvent) => {
      event.preventDefault();
      const lines = event.deltaMode === 1 ? 30 : 1;
      const factor = Math.exp(-event.deltaY * lines * (event.ctrlKey ? 0.01 : 0.0022));
      cancelAnimationFrame(this.glide);
      view.value = zoomed(view.value, factor, ...fromMiddle(event));
    };
    const leave = () => this.point(0);
    const menu = (event: Event) => event.preventDefault();
    over.addEventListener("pointerdown", down);
    over.addEventListener("pointermove", move);
    over.addEventListener("pointerup", up);
    over.addEventListener("pointercancel", cancel);
    over.addEventListener("pointerleave", leave);
    over.addEventListener("wheel", wheel, { passive: false });
    over.addEventListener("contextmenu", menu);
    return () => {
      over.removeEventListener("pointerdown", down);
      over.removeEventListener("pointermove", move);
      over.removeEventListener("pointerup", up);
      over.removeEventListener("pointercancel", cancel);
      over.removeEventListener("pointerleave", leave);
      over.removeEventListener("wheel", wheel);
      over.removeEventListener("contextmenu", menu);
    };
  }

  private point(id: number): void {
    if (hover.value === id) return;
    hover.value = id;
    this.events.onPoint(id);
  }
}

export function MapPanel(props: MapEvents) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const over = useRef<HTMLCanvasElement>(null);

  useEffect(() => {
    const controller = new MapController(canvas.current!, over.current!, props);
    map = controller;
    const observer = new ResizeObserver(() => controller.resize());
    observer.observe(canvas.current!);
    const stop = controller.listen();
    controller.pointsChanged();
    controller.resize();
    controller.classesChanged();
    return () => {
      map = null;
      observer.disconnect();
      stop();
    };
  }, []);

  useSignalEffect(() => {
    void points.value;
    map?.pointsChanged();
  });
  useSignalEffect(() => {
    void [shown.value, view.value, currentTheme()];
    map?.redraw();
  });
  useSignalEffect(() => {
    void library.value;
    map?.classesChanged();
  });
  useSignalEffect(() => {
    // The tip needs the row of what is pointed at.
    if (hover.value) fetchRows([hover.value]).catch(complain);
  });
  useSignalEffect(() => {
    void [cursor.value, hover.value, selection.value, few.value, rowOf(hover.value)];
    map?.redrawOver();
  });

  return (
    <section
      class={isLassoing.value ? "map lassoing" : "map"}
      role="application"
      aria-label="Map of the sounds: arrow keys go to the nearest sound that way and play it"
      tabIndex={0}
      data-panel="map"
    >
      <canvas ref={canvas} data-points />
      <canvas ref={over} data-over />
      <div class="zoom" role="group" aria-label="Zoom">
        <button type="button" title="Closer (+)" onClick={() => map?.zoomBy(1.6)}>
          +
        </button>
        <button type="button" title="Farther (−)" onClick={() => map?.zoomBy(1 / 1.6)}>
          −
        </button>
        <button type="button" title="All that is shown (0)" onClick={() => map?.fit()}>
          ⤢
        </button>
        <button
          type="button"
          title="Draw a lasso (G)"
          aria-pressed={isLassoing.value}
          onClick={() => {
            isLassoing.value = !isLassoing.value;
          }}
        >
          <svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
            <ellipse cx="8" cy="6.5" rx="6" ry="4.5" stroke-dasharray="2.4 1.8" />
            <path d="M5 10.5 q-1 2 1 3.5" />
          </svg>
        </button>
        <MapMenu />
      </div>
      <Progress />
      {!canSound.value && <span class="press">Press any key, or click, to hear</span>}
    </section>
  );
}
