import assert from "node:assert/strict";
import { test } from "node:test";
import { readTable } from "../src/columns.ts";
import { columns, HEADER, points } from "./points.ts";

test("a table is read as it is written", () => {
  const header = new TextEncoder().encode(
    '{"a":1,"columns":[{"name":"id","type":"u32"},{"name":"f","type":"u8"}]}',
  );
  const padded = new Uint8Array(Math.ceil(header.length / 4) * 4).fill(32);
  padded.set(header);
  const data = new Uint8Array(12 + padded.length + 10);
  data.set(new TextEncoder().encode("LIXP"));
  new DataView(data.buffer).setUint32(4, 2, true);
  new DataView(data.buffer).setUint32(8, padded.length, true);
  data.set(padded, 12);
  data.set(new Uint8Array(new Uint32Array([7, 70_000]).buffer), 12 + padded.length);
  data.set([1, 2], 12 + padded.length + 8);
  const table = readTable<{ a: number }>(data.buffer);
  assert.equal(table.header.a, 1);
  assert.deepEqual([...table.columns.id], [7, 70_000]);
  assert.deepEqual([...table.columns.f], [1, 2]);
  assert.throws(() => readTable(new ArrayBuffer(4)));
});

test("rows are found by id", () => {
  const all = points(100);
  for (let row = 0; row < 100; row++) assert.equal(all.rowOf(all.id[row]), row);
  for (const id of [0, 2, 3, 1_000_000]) assert.equal(all.rowOf(id), -1);
});

test("news change, add and take away rows, and the others stay in order", () => {
  const all = points(50);
  const fresh = columns(3, 9);
  fresh.id.set([all.id[10], 9_000, all.id[20]]);
  const gone = [all.id[0], all.id[49], 5_555];
  const news = {
    header: { ...HEADER, revision: "a-2", whole: false, facets: [], levels: [], gone },
    length: 3,
    columns: fresh,
  };
  const before = [...all.x];
  const { points: next, added } = all.with(news);
  assert.equal(added, 1);
  assert.equal(next.length, 49);
  assert.deepEqual([...next.id], [...all.id.slice(1, 49), 9_000]);
  assert.equal(next.x[next.rowOf(all.id[10])], fresh.x[0]);
  assert.equal(next.y[next.rowOf(9_000)], fresh.y[1]);
  assert.equal(next.flags[next.rowOf(all.id[20])], fresh.flags[2]);
  assert.equal(next.facets, all.facets);
  assert.equal(next.header.revision, "a-2");
  assert.deepEqual([...all.x], before, "the old ones are as they were");
});

test("all sounds in another order, some gone and some new", () => {
  const all = points(50);
  const columnsNow = columns(50, 9);
  columnsNow.id.set([...all.id].reverse());
  columnsNow.id[0] = 9_000; // and not all.id[49]
  const header = { ...HEADER, revision: "b-1" };
  const news = all.replacedBy({ header, length: 50, columns: columnsNow });
  assert.deepEqual([news.added, news.gone], [1, [all.id[49]]]);
  assert.equal(news.points.rowOf(all.id[0]), 49);
  assert.equal(news.points.rowOf(9_000), 0);
});
