import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { DARK, LIGHT, mixed, pixel } from "../src/map/colours.ts";
import { type Direction, Grid } from "../src/map/grid.ts";
import { placed } from "../src/map/labels.ts";
import { circle, inShape } from "../src/map/lasso.ts";
import { Pixels, projection } from "../src/map/pixels.ts";
import { between, clamped, fitted, zoomed } from "../src/map/view.ts";
import { points, random } from "./points.ts";

const all = points(3_000, 4);
const everything = new Uint8Array(all.length).fill(1);
const grid = new Grid(all);

test("the nearest is the nearest", () => {
  const next = random(6);
  const mask = Uint8Array.from({ length: all.length }, () => (next() < 0.6 ? 1 : 0));
  for (let round = 0; round < 300; round++) {
    const [x, y] = [next() * 65_536, next() * 65_536];
    const stretch = 0.5 + next();
    const reach = [300, 2_000, 70_000][round % 3];
    const far = (row: number) => Math.hypot((all.x[row] - x) * stretch, all.y[row] - y);
    let best = -1;
    for (let row = 0; row < all.length; row++)
      if (mask[row] && far(row) <= reach && (best < 0 || far(row) < far(best))) best = row;
    const found = grid.nearest(x, y, reach, mask, stretch);
    if (best < 0) assert.equal(found, -1);
    else
      assert.ok(
        found >= 0 && Math.abs(far(found) - far(best)) < 1e-6,
        `${far(found)} ${far(best)}`,
      );
  }
});

test("around a place, the nearest first", () => {
  const found = grid.around(30_000, 30_000, 20, everything);
  const far = (row: number) => Math.hypot(all.x[row] - 30_000, all.y[row] - 30_000);
  const expected = Array.from({ length: all.length }, (_, row) => row).sort(
    (a, b) => far(a) - far(b),
  );
  assert.deepEqual(found.map(far), expected.slice(0, 20).map(far));
});

test("an arrow goes that way, and every sound but those at the edge leads on", () => {
  const ways: [Direction, (from: number, to: number) => boolean][] = [
    ["left", (from, to) => all.x[to] < all.x[from]],
    ["right", (from, to) => all.x[to] > all.x[from]],
    ["up", (from, to) => all.y[to] < all.y[from]],
    ["down", (from, to) => all.y[to] > all.y[from]],
  ];
  for (let from = 0; from < 200; from++)
    for (const [direction, isThatWay] of ways) {
      const to = grid.towards(from, direction, everything);
      if (to >= 0) assert.ok(isThatWay(from, to));
      const isInside = [all.x[from], all.y[from]].every((at) => at > 8_000 && at < 57_000);
      if (isInside) assert.ok(to >= 0);
    }
});

test("a lasso takes what lies in it, up to a cell of its raster", () => {
  const middle = { x: 30_000, y: 32_000 };
  const found = new Set(inShape(all, circle(middle, 9_000), everything));
  for (let row = 0; row < all.length; row++) {
    const far = Math.hypot(all.x[row] - middle.x, all.y[row] - middle.y);
    if (far < 8_850) assert.ok(found.has(all.id[row]));
    if (far > 9_100) assert.ok(!found.has(all.id[row]));
  }
  assert.equal(inShape(all, circle(middle, 9_000), new Uint8Array(all.length)).length, 0);
});

test("a lasso that goes beyond the map, or crosses itself", () => {
  const box = [
    [-9e4, -9e4],
    [9e4, -9e4],
    [9e4, 9e4],
    [-9e4, 9e4],
  ].map(([x, y]) => ({ x, y }));
  assert.equal(inShape(all, box, everything).length, all.length);
  const eight = [
    [0, 0],
    [65_535, 65_535],
    [65_535, 0],
    [0, 65_535],
  ].map(([x, y]) => ({ x, y }));
  const found = inShape(all, eight, everything).length;
  assert.ok(found > 0.4 * all.length && found < 0.6 * all.length);
});

test("names do not lie over each other, nor beyond the canvas", () => {
  const next = random(2);
  const regions = Array.from({ length: 40 }, (_, number) => ({
    code: `c${number}`,
    x: next() * 65_535,
    y: next() * 65_535,
    size: next() / 3,
  }));
  const bounds = { width: 600, height: 400, dpr: 1, zoom: 1 };
  const measure = (text: string, size: number) => text.length * size * 0.7;
  const labels = placed(
    regions,
    (code) => code,
    (x, y) => [x / 110, y / 165],
    bounds,
    measure,
  );
  assert.ok(labels.length > 5);
  for (const one of labels) {
    const half = measure(one.text, one.size) / 2;
    assert.ok(one.x - half >= 0 && one.x + half <= 600);
    for (const other of labels)
      if (one !== other) {
        const isApart =
          Math.abs(one.x - other.x) >= half + measure(other.text, other.size) / 2 ||
          Math.abs(one.y - other.y) >= Math.max(one.size, other.size);
        assert.ok(isApart, `${one.text} ${other.text}`);
      }
  }
});

test("names make way for sounds where there are few", () => {
  const region = { code: "kick", x: 0, y: 0, size: 0.1 };
  const label = (spots: [number, number][]) =>
    placed(
      [region],
      (code) => code,
      () => [300, 200],
      { width: 600, height: 400, dpr: 1, zoom: 1 },
      () => 60,
      spots,
    )[0];
  assert.equal(label([]).y, 200);
  assert.equal(label([[400, 200]]).y, 200);
  for (const spot of [195, 200, 204]) {
    const { y, size } = label([[310, spot]]);
    assert.ok(Math.abs(y - spot) >= size, `${y} ${spot}`);
  }
});

test("zooming keeps what is under the pointer", () => {
  const before = { x: 0.4, y: 0.6, zoom: 2 };
  const after = zoomed(before, 3, 0.2, -0.1);
  assert.ok(Math.abs(before.x + 0.2 / before.zoom - (after.x + 0.2 / after.zoom)) < 1e-9);
  assert.equal(clamped({ x: 5, y: -3, zoom: 1e9 }).zoom, 400);
});

test("all that is to be seen is seen", () => {
  const view = fitted([10_000, 20_000], [40_000, 41_000]);
  const size = { width: 800, height: 500, dpr: 1 };
  const { scaleX, scaleY, left, top } = projection(view, size);
  for (const x of [10_000, 20_000]) assert.ok(x * scaleX + left > 0 && x * scaleX + left < 800);
  for (const y of [40_000, 41_000]) assert.ok(y * scaleY + top > 0 && y * scaleY + top < 500);
  assert.deepEqual(between(view, { ...view, zoom: 9 }, 0).x, view.x);
});

// Node has no canvas; an image is no more than this.
class Image {
  readonly data: Uint8ClampedArray;
  constructor(
    readonly width: number,
    readonly height: number,
  ) {
    this.data = new Uint8ClampedArray(4 * width * height);
  }
}
Object.assign(globalThis, { ImageData: Image });

test("the same points are the same pixels, in both looks and at every size", () => {
  const families = Uint8Array.of(0, 2, 3, 4);
  const view = { x: 0.5, y: 0.5, zoom: 1 };
  const mask = everything.map((_, row) => (row % 3 ? 1 : 0));
  const seen = [1, 4, 40].flatMap((zoom) =>
    [DARK, LIGHT].map((theme) => {
      const size = { width: 320, height: 200, dpr: 1 };
      const image = new Pixels().draw(all, mask, families, { ...view, zoom }, size, theme);
      return createHash("sha1").update(image.data).digest("hex").slice(0, 8);
    }),
  );
  assert.deepEqual(seen, ["264b03f0", "b2e2d155", "79506838", "558c0ad9", "15d600e4", "6ac9a08c"]);
});

test("only a beginning is drawn while the map moves", () => {
  const size = { width: 100, height: 100, dpr: 1 };
  const draw = (limit: number) => {
    const image = new Pixels().draw(
      all,
      everything,
      new Uint8Array(4),
      { x: 0.5, y: 0.5, zoom: 1 },
      size,
      DARK,
      limit,
    );
    return new Uint32Array(image.data.buffer).filter((value) => value !== pixel(DARK.background))
      .length;
  };
  assert.ok(draw(100) > 50 && draw(100) < draw(3_000));
});

// Colours

type Rgb = [number, number, number];
const rgb = (hex: string): Rgb =>
  [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16) / 255) as Rgb;
const linear = (value: number) =>
  value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
const luminance = (hex: string) => {
  const [r, g, b] = rgb(hex).map(linear);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const contrast = (one: string, other: string) => {
  const [light, dark] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (light + 0.05) / (dark + 0.05);
};

// Machado, Oliveira & Fernandes 2009, for the whole loss of one kind of cone.
const EYES: Record<string, number[]> = {
  all: [1, 0, 0, 0, 1, 0, 0, 0, 1],
  protan: [
    0.152286, 1.052583, -0.204868, 0.114503, 0.786281, 0.099216, -0.003882, -0.048116, 1.051998,
  ],
  deutan: [
    0.367322, 0.860646, -0.227968, 0.280085, 0.672501, 0.047413, -0.01182, 0.04294, 0.968881,
  ],
  tritan: [
    1.255528, -0.076749, -0.178779, -0.078411, 0.930809, 0.147602, 0.004733, 0.691367, 0.3039,
  ],
};

function lab(hex: string, eye: number[]): Rgb {
  const from = rgb(hex).map(linear);
  const seen = [0, 3, 6].map((at) =>
    Math.min(1, Math.max(0, eye[at] * from[0] + eye[at + 1] * from[1] + eye[at + 2] * from[2])),
  );
  const xyz = [
    (0.4124 * seen[0] + 0.3576 * seen[1] + 0.1805 * seen[2]) / 0.95047,
    0.2126 * seen[0] + 0.7152 * seen[1] + 0.0722 * seen[2],
    (0.0193 * seen[0] + 0.1192 * seen[1] + 0.9505 * seen[2]) / 1.08883,
  ].map((t) => (t > 216 / 24389 ? Math.cbrt(t) : (24389 / 27 / 116) * t + 16 / 116));
  return [116 * xyz[1] - 16, 500 * (xyz[0] - xyz[1]), 200 * (xyz[1] - xyz[2])];
}

const difference = (one: Rgb, other: Rgb) =>
  Math.hypot(one[0] - other[0], one[1] - other[1], one[2] - other[2]);

for (const [name, theme, least, apart] of [
  ["dark", DARK, 4.5, 15],
  ["light", LIGHT, 3, 12],
] as const)
  test(`the colours on ${name} are seen, and told apart by all eyes`, () => {
    for (const colour of theme.families)
      assert.ok(contrast(colour, theme.background) >= least, colour);
    for (const [eye, matrix] of Object.entries(EYES))
      for (const one of theme.families)
        for (const other of theme.families)
          if (one < other) {
            const far = difference(lab(one, matrix), lab(other, matrix));
            assert.ok(far >= apart, `${eye}: ${one} ${other} ${far.toFixed(1)}`);
          }
  });

test("half of two pixels", () => {
  assert.equal(mixed(pixel("#000000"), pixel("#ffffff"), 0.5), pixel("#808080"));
});
