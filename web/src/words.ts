// Numbers in words that musicians use.

import type { Facet } from "./columns.ts";

const english = new Intl.NumberFormat("en"); // `toLocaleString` makes one every time

export function count(number: number): string {
  return english.format(number);
}

export function percent(probability: number): string {
  return `${Math.floor(100 * probability + 1e-9)} %`;
}

/** A measured value with its unit, such as "0.41 s", "7.7 kHz", "−16.6 dB". */
export function measured(value: number | null | undefined, unit: string): string {
  if (value === null || value === undefined) return "–";
  if (unit === "Hz")
    return value >= 1000 ? `${(value / 1000).toFixed(1)} kHz` : `${Math.round(value)} Hz`;
  if (unit === "s") return value < 10 ? `${value.toFixed(2)} s` : `${value.toFixed(1)} s`;
  if (unit.startsWith("dB")) return `${value.toFixed(1).replace("-", "−")} dB`;
  return `${Number(value.toPrecision(3))} ${unit}`.trim();
}

/** The heading of a facet's column and slider. */
export function heading(facet: Facet): string {
  return { centroid: "brightness" }[facet.label] ?? facet.label;
}
