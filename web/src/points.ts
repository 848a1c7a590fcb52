// All sounds as columns, by row and by id. An instance is never changed: news make another one.

import type { Column, Facet, Table } from "./columns.ts";
import type { PointsHeader } from "./types.ts";

export interface News {
  points: Points;
  added: number; // how many are new
  gone: number[]; // ids
}

export class Points {
  readonly length: number;
  readonly facets: Facet[];
  readonly levels: number[];
  private readonly rows: Int32Array; // by id; -1: not there

  constructor(
    readonly columns: Record<string, Column>,
    readonly header: PointsHeader,
    about: { facets: Facet[]; levels: number[] } = header,
  ) {
    this.length = this.id.length;
    this.facets = about.facets;
    this.levels = about.levels;
    let largest = 0;
    for (let row = 0; row < this.length; row++) largest = Math.max(largest, this.id[row]);
    this.rows = new Int32Array(largest + 1).fill(-1);
    for (let row = 0; row < this.length; row++) this.rows[this.id[row]] = row;
  }

  static of(table: Table<PointsHeader>): Points {
    return new Points(table.columns, table.header);
  }

  get id(): Uint32Array {
    return this.columns.id as Uint32Array;
  }
  get x(): Uint16Array {
    return this.columns.x as Uint16Array;
  }
  get y(): Uint16Array {
    return this.columns.y as Uint16Array;
  }
  get cls(): Uint8Array {
    return this.columns.class as Uint8Array;
  }
  get probability(): Uint8Array {
    return this.columns.probability as Uint8Array;
  }
  get percussion(): Uint8Array {
    return this.columns.percussion as Uint8Array;
  }
  get flags(): Uint8Array {
    return this.columns.flags as Uint8Array;
  }
  get added(): Uint16Array {
    return this.columns.added as Uint16Array;
  }
  facet(key: string): Uint16Array {
    return this.columns[key] as Uint16Array;
  }

  /** The same sounds at other places. */
  at(x: Uint16Array, y: Uint16Array): Points {
    const columns = { ...this.columns, x, y };
    return Object.assign(Object.create(Points.prototype) as Points, this, { columns });
  }

  /** The row of a sound, or -1. */
  rowOf(id: number): number {
    return this.rows[id] ?? -1;
  }

  /** All of them as they are now, in any order. */
  replacedBy(table: Table<PointsHeader>): News {
    const points = Points.of(table);
    return {
      points,
      added: points.id.reduce((count, id) => count + Number(this.rowOf(id) < 0), 0),
      gone: [...this.id.filter((id) => points.rowOf(id) < 0)],
    };
  }

  /** With what changed: rows stay in order, new ones come at the end. */
  with(news: Table<PointsHeader>): News {
    const gone = new Set(news.header.gone.map((id) => this.rowOf(id)).filter((row) => row >= 0));
    const ids = news.columns.id;
    const added: number[] = []; // rows of the news
    const at = new Int32Array(ids.length);
    for (let row = 0; row < ids.length; row++) {
      at[row] = this.rowOf(ids[row]);
      if (at[row] < 0) added.push(row);
    }
    const kept = this.length - gone.size;
    const columns: Record<string, Column> = {};
    for (const [name, old] of Object.entries(this.columns)) {
      const fresh = news.columns[name];
      const whole = old.slice();
      for (let row = 0; row < at.length; row++) if (at[row] >= 0) whole[at[row]] = fresh[row];
      const column = new (old.constructor as Uint32ArrayConstructor)(kept + added.length);
      let to = 0;
      if (!gone.size) column.set(whole);
      else
        for (let row = 0; row < whole.length; row++) if (!gone.has(row)) column[to++] = whole[row];
      for (let number = 0; number < added.length; number++)
        column[kept + number] = fresh[added[number]];
      columns[name] = column;
    }
    return {
      points: new Points(columns, news.header, this),
      added: added.length,
      gone: news.header.gone,
    };
  }
}
