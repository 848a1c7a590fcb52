// Eight colours, one for each family: told apart by all eyes, in order of the families by hue.
// tests/colours.test.ts measures that.

export interface Theme {
  families: readonly string[];
  background: string;
  dim: string; // sounds that are not shown
  ink: string; // rings
  raised: string; // behind the tip
  names: readonly string[]; // of the classes of each family
}

const DARK_COLOURS = {
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
  raised: "#22222b",
};

const LIGHT_COLOURS = {
  families: [
    "#849613", // in the same order
    "#af6b96",
    "#ae050f",
    "#0222f4",
    "#827efe",
    "#6e172d",
    "#473064",
    "#0f855f",
  ],
  background: "#f6f5f2",
  dim: "#dedcd6",
  ink: "#17171c",
  raised: "#fffefb",
};

export const DARK = withNames(DARK_COLOURS);
export const LIGHT = withNames(LIGHT_COLOURS);

/** Names are in the colour of their family, so that the map is its own legend; but mostly ink. */
function withNames(colours: Omit<Theme, "names">): Theme {
  const hex = (value: number) =>
    `#${[0, 8, 16].map((shift) => ((value >>> shift) & 255).toString(16).padStart(2, "0")).join("")}`;
  const names = colours.families.map((one) => hex(mixed(pixel(colours.ink), pixel(one), 0.45)));
  return { ...colours, names };
}

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
