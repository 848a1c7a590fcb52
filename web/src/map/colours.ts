// Eight colours, one for each family: told apart by all eyes, in order of the families by hue.
// tests/colours.test.ts measures that.

export interface Theme {
  families: readonly string[];
  background: string;
  dim: string; // sounds that are not shown
  ink: string; // names and rings
}

export const DARK: Theme = {
  families: [
    "#c8ff44", // kicks, bass
    "#f8e5f5", // toms
    "#faaaa3", // snares, claps
    "#5e73fc", // hi-hats
    "#b8abe7", // cymbals
    "#ea1c94", // hand drums
    "#aeaa22", // shaken, wood
    "#70864e", // metal, effects
  ],
  background: "#121217",
  dim: "#2e2e3a",
  ink: "#ffffff",
};

export const LIGHT: Theme = {
  families: [
    "#718a66", // in the same order
    "#d95eb4",
    "#e2550d",
    "#0e0dfc",
    "#b759f6",
    "#440e2d",
    "#7a0c05",
    "#09025e",
  ],
  background: "#f6f5f2",
  dim: "#dedcd6",
  ink: "#17171c",
};

/** "#rrggbb" as a pixel of an `ImageData` seen as 32-bit numbers (little-endian: ABGR). */
export function pixel(colour: string, alpha = 255): number {
  const value = Number.parseInt(colour.slice(1), 16);
  const [red, green, blue] = [value >> 16, (value >> 8) & 255, value & 255];
  return ((alpha << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}

/** A mixture of two pixels. */
export function mixed(one: number, other: number, part: number): number {
  let result = 0;
  for (let shift = 0; shift < 32; shift += 8) {
    const from = (one >>> shift) & 255;
    const to = (other >>> shift) & 255;
    result |= Math.round(from + (to - from) * part) << shift;
  }
  return result >>> 0;
}
