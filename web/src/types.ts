// What the server sends and takes. `libindex/serve` is the other side of it.

import type { Facet } from "./columns.ts";

export interface PointsHeader {
  revision: string; // for `?since=`
  whole: boolean; // all sounds; otherwise those that changed
  network: string;
  map: number; // another number: other places
  facets: Facet[]; // each has a column of its key
  levels: number[]; // edges of the columns "probability" and "percussion"
  gone: number[]; // ids
  columns: { name: string; type: "u8" | "u16" | "u32" | "f32" }[];
}

export interface LibraryInfo {
  version: string;
  id: string; // of this library among others
  revision: string;
  network: { name: string; classes: ClassInfo[] } | null; // null: nothing was ever scanned
  families: FamilyInfo[]; // eight, in the order of keys 1 to 8
  roots: Root[];
  map: MapInfo | null;
  watching: Watching;
  drawing: Drawing;
  capabilities: { reveal: boolean; layouts: string[]; formats: { name: string; title: string }[] };
  shelf: string; // the folder's path, as text
  kits: string;
}
export interface ClassInfo {
  code: string;
  name: string;
  family: number;
}
export interface FamilyInfo {
  key: string;
  name: string;
}
export interface Root {
  id: number;
  path: string;
  online: boolean;
  samples: number;
}
export interface MapInfo {
  generation: number;
  kind: "home" | "own" | "settled";
  regions: Region[]; // names on the map
  can_settle: boolean; // openTSNE is there
  can_redraw: boolean; // the network came with a map
  can_undo: boolean;
}
/** What is done to the map; `action` is null if nothing is. */
export interface Drawing {
  action: "settle" | "redraw" | null;
  part: number; // that is done, 0 to 1
  trouble: string | null;
}
export interface Region {
  code: string; // of a class
  x: number; // 0 to 65535
  y: number;
  size: number; // share of the map's width that it fills
}
export interface Watching {
  state: "here" | "elsewhere" | "off"; // elsewhere: another process watches this library
  doing: string;
  trouble: string | null;
}

export interface Row {
  id: number;
  name: string; // of the file, as text
  folder: string; // below the root, with the root's name in front
  path: string;
  path_hex?: string;
  online: boolean;
  copies: string[];
  class: string;
  probability: number;
  facts: Record<string, number | string | null>;
  added_at: number;
  warning: string | null;
}

export interface Sound extends Row {
  probabilities: Record<string, number>; // of every class
  percussion: number | null;
  heard_at: number | null;
}

export interface Similar {
  id: number;
  similarity: number;
  why: string; // "0.1 s shorter, darker"
}

export interface KitPad {
  key: number; // MIDI note
  classes: string[]; // that the layout wants there
  label: string; // "kick drum"
  choke: number; // group; 0: none
  id: number | null;
  probability: number | null;
}

export interface ShelfEntry {
  id: number | null; // null: no longer in the library
  name: string;
}

export interface Folder {
  id: string; // of the list that the server offered
  path: string;
  files: number; // audio files found in a quick look
  more: boolean; // the look was cut short
}

export interface ApiError {
  code: string;
  message: string;
  path?: string;
}
