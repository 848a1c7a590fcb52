// All sounds as columns, by row and by id.

import type { Facet, Table } from "./columns.ts";
import type { PointsHeader } from "./types.ts";

export interface Delta {
  added: number[]; // ids
  changed: number[];
  gone: number[];
}

export class Points {
  readonly header: PointsHeader;
  length: number;
  id: Uint32Array;
  x: Uint16Array;
  y: Uint16Array;
  cls: Uint8Array; // index into LibraryInfo.network.classes
  probability: Uint8Array; // ordinal, see columns.ts
  percussion: Uint8Array;
  flags: Uint8Array;
  added: Uint16Array; // days since 1970
  facets: Record<string, Uint8Array | Uint16Array>;

  constructor(table: Table<PointsHeader>) {
    this.header = table.header;
    this.length = table.length;
    this.id = table.columns.id as Uint32Array;
    this.x = table.columns.x as Uint16Array;
    this.y = table.columns.y as Uint16Array;
    this.cls = table.columns.class as Uint8Array;
    this.probability = table.columns.probability as Uint8Array;
    this.percussion = table.columns.percussion as Uint8Array;
    this.flags = table.columns.flags as Uint8Array;
    this.added = table.columns.added as Uint16Array;
    this.facets = Object.fromEntries(
      table.header.facets.map((facet: Facet) => [facet.key, table.columns[facet.key]]),
    ) as Record<string, Uint8Array | Uint16Array>;
  }
}
