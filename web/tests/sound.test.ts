import assert from "node:assert/strict";
import { test } from "node:test";
import { SoundCache } from "../src/sound/cache.ts";
import { gainDb, toFactor } from "../src/sound/level.ts";
import { listenToMidi } from "../src/sound/midi.ts";
import { percentOf, Sequencer, startOf } from "../src/sound/steps.ts";

test("loud sounds come down, soft ones up, and no peak goes beyond full scale", () => {
  assert.equal(gainDb({ loudness: -8, peak: -0.5 }), -10);
  assert.equal(gainDb({ loudness: -30, peak: -20 }), 12);
  assert.equal(gainDb({ loudness: -40, peak: -3 }).toFixed(2), "2.90", "its peak allows no more");
  assert.equal(gainDb({ loudness: -90, peak: -70 }), 30, "a hiss need not be a roar");
  assert.equal(gainDb({ loudness: Number.NEGATIVE_INFINITY, peak: Number.NEGATIVE_INFINITY }), 0);
  for (let loudness = -60; loudness < 0; loudness += 1)
    for (let peak = loudness; peak <= 0; peak += 1)
      assert.ok(toFactor(gainDb({ loudness, peak }) + peak) <= 1);
});

const buffer = (bytes: number) => ({ length: bytes / 4, numberOfChannels: 1 }) as AudioBuffer;

function source() {
  const asked: number[] = [];
  const waiting = new Map<number, () => void>();
  return {
    asked,
    answer: (id: number) => waiting.get(id)!(),
    async fetch(id: number) {
      asked.push(id);
      await new Promise<void>((done) => waiting.set(id, done));
      return { data: new ArrayBuffer(id), loudness: -20, peak: -3, length: 1 };
    },
    decode: async (data: ArrayBuffer) => buffer(100 * (data.byteLength > 0 ? 4 : 4)),
  };
}

const settled = () => new Promise((done) => setImmediate(done));

test("what was used last is kept", async () => {
  const from = source();
  const cache = new SoundCache(from, 1_000); // two sounds
  for (const id of [1, 2]) {
    const coming = cache.get(id);
    from.answer(id);
    await coming;
  }
  assert.ok(cache.peek(1));
  const coming = cache.get(3);
  from.answer(3);
  await coming;
  assert.deepEqual(
    [1, 2, 3].map((id) => cache.peek(id) !== undefined),
    [true, false, true],
  );
});

test("a sound is fetched once, however often it is asked for", async () => {
  const from = source();
  const cache = new SoundCache(from);
  const both = [cache.get(5), cache.get(5)];
  from.answer(5);
  const [one, other] = await Promise.all(both);
  assert.equal(one, other);
  assert.deepEqual(from.asked, [5]);
});

test("few are fetched ahead at a time, and not what is no longer wanted", async () => {
  const from = source();
  const cache = new SoundCache(from);
  cache.ahead([1, 2, 3, 4, 5, 6]);
  assert.deepEqual(from.asked, [1, 2, 3]);
  cache.ahead([7]);
  from.answer(1);
  await settled();
  await settled();
  assert.deepEqual(from.asked, [1, 2, 3, 7]);
});

test("steps come when they should, each once, with swing on every second one", () => {
  assert.equal(startOf(4, 120, 0), 0.5);
  assert.equal(startOf(1, 120, 0.5) - startOf(0, 120, 0.5), 0.125 * 1.25);
  assert.deepEqual([0, 0.66].map(percentOf), [50, 67]); // straight, and triplets
  let now = 10;
  const struck: [number, number][] = [];
  const beat = new Sequencer(
    () => now,
    () => ({ bpm: 120, swing: 0 }),
    (step, when) => struck.push([step, when]),
  );
  beat.start();
  for (; now < 14.2; now += 0.025) beat.look();
  beat.stop();
  assert.equal(beat.isRunning, false);
  assert.deepEqual(
    struck.slice(0, 3).map(([step]) => step),
    [0, 1, 2],
  );
  for (let at = 1; at < struck.length; at++) {
    assert.equal(struck[at][0], (struck[at - 1][0] + 1) % 16);
    assert.ok(Math.abs(struck[at][1] - struck[at - 1][1] - 0.125) < 1e-9);
  }
  assert.ok(struck.length >= 33);
});

test("keys of MIDI inputs strike pads, also of one that is plugged in later", async () => {
  interface Input {
    onmidimessage?: (message: { data: Uint8Array }) => void;
  }
  const inputs = new Map<string, Input>([["one", {}]]);
  const access: { inputs: typeof inputs; onstatechange?: () => void } = { inputs };
  Object.defineProperty(globalThis, "navigator", {
    value: { requestMIDIAccess: async () => access },
    configurable: true,
  });
  const struck: [number, number][] = [];
  assert.equal(await listenToMidi((key, velocity) => struck.push([key, velocity])), 1);
  const send = (name: string, ...data: number[]) =>
    inputs.get(name)!.onmidimessage!({ data: Uint8Array.from(data) });
  send("one", 0x99, 36, 127); // on the channel of drums
  send("one", 0x90, 38, 0); // a note that ends
  send("one", 0x89, 36, 64);
  send("one", 0xb0, 7, 100); // a controller
  inputs.set("two", {});
  access.onstatechange!();
  send("two", 0x90, 42, 0);
  send("two", 0x90, 42, 64);
  assert.deepEqual(struck, [
    [36, 1],
    [42, 64 / 127],
  ]);
});
