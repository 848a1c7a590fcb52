// The columns of all sounds, as the server sends them, and what is made of them.
//
// A facet is sent as an ordinal, so that a comparison is exact: with the edges e[0] < e[1] < …, an
// odd number 2k+1 stands for a value of exactly e[k], and an even one 2k for one between e[k-1] and
// e[k]; 0 for all that is smaller, and the last one for all that is larger. So a value is at least
// e[k] if its ordinal is at least 2k+1, and at most e[k] if it is at most that.
// See libindex/serve/ordinals.py.

export interface Facet {
  key: string; // "duration_s"
  word: string; // "duration"
  label: string; // "length"
  unit: string; // "s"
  low: string; // "short"
  high: string; // "long"
  edges: number[];
}

/** What an ordinal column says where the value is not known. */
export const UNKNOWN = { u8: 0xff, u16: 0xffff } as const;

export const Flag = { offline: 1, copies: 2, heard: 4, warning: 8 } as const;

export type Column = Uint8Array | Uint16Array | Uint32Array | Float32Array;

const TYPES = { u8: Uint8Array, u16: Uint16Array, u32: Uint32Array, f32: Float32Array } as const;

export interface Table<Header> {
  header: Header;
  length: number;
  columns: Record<string, Column>;
}

interface ColumnHeader {
  columns: { name: string; type: keyof typeof TYPES }[];
}

/** Read a binary table: "LIXP", u32 rows, u32 length of the header, the header, the columns. */
export function readTable<Header extends object>(data: ArrayBuffer): Table<Header> {
  const bytes = new Uint8Array(data);
  const view = new DataView(data);
  if (data.byteLength < 12 || String.fromCharCode(...bytes.subarray(0, 4)) !== "LIXP")
    throw new Error("the server sent no table");
  const length = view.getUint32(4, true);
  const size = view.getUint32(8, true);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(12, 12 + size)));
  const columns: Record<string, Column> = {};
  let at = 12 + size; // a multiple of four; columns with wide numbers come first
  for (const { name, type } of (header as ColumnHeader).columns) {
    const kind = TYPES[type];
    columns[name] = new kind(data, at, length);
    at += length * kind.BYTES_PER_ELEMENT;
  }
  return { header, length, columns };
}
