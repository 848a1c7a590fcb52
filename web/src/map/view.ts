// The part of the map that is seen.

import type { View } from "../state.ts";

export const NEAREST = 400; // times
export const WHOLE: View = { x: 0.5, y: 0.5, zoom: 1 };

export function clamped(view: View): View {
  const zoom = Math.min(NEAREST, Math.max(0.8, view.zoom));
  const keep = (value: number) => Math.min(1.02, Math.max(-0.02, value));
  return { x: keep(view.x), y: keep(view.y), zoom };
}

/** Enlarged around a point of the screen, given from the middle in parts of the map's side. */
export function zoomed(view: View, factor: number, atX = 0, atY = 0): View {
  const zoom = Math.min(NEAREST, Math.max(0.8, view.zoom * factor));
  const shift = 1 / view.zoom - 1 / zoom;
  return clamped({ x: view.x + atX * shift, y: view.y + atY * shift, zoom });
}

export function moved(view: View, dx: number, dy: number): View {
  return clamped({ x: view.x - dx / view.zoom, y: view.y - dy / view.zoom, zoom: view.zoom });
}

/** So that some places, given from 0 to 65535, are all seen. */
export function fitted(xs: readonly number[], ys: readonly number[]): View {
  if (!xs.length) return WHOLE;
  const [left, right] = [Math.min(...xs), Math.max(...xs)];
  const [top, bottom] = [Math.min(...ys), Math.max(...ys)];
  const extent = Math.max(right - left, bottom - top, 600) / 65_535;
  return clamped({
    x: (left + right) / 2 / 65_535,
    y: (top + bottom) / 2 / 65_535,
    zoom: Math.min(40, 0.86 / extent),
  });
}

/** Between two views, as the eye expects it: evenly in ratios of size. */
export function between(from: View, to: View, part: number): View {
  const eased = part < 0.5 ? 2 * part * part : 1 - (-2 * part + 2) ** 2 / 2;
  const mix = (one: number, other: number) => one + (other - one) * eased;
  return {
    x: mix(from.x, to.x),
    y: mix(from.y, to.y),
    zoom: Math.exp(mix(Math.log(from.zoom), Math.log(to.zoom))),
  };
}
