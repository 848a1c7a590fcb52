// What the server is asked. Every call brings the token; errors come as `ApiFailure`.

import { readTable, type Table } from "./columns.ts";
import type {
  ApiError,
  Folder,
  KitPad,
  LibraryInfo,
  PointsHeader,
  Row,
  ShelfEntry,
  Similar,
  Sound,
} from "./types.ts";

const KEY = "libindex-token"; // local storage belongs to one port

export class ApiFailure extends Error {
  constructor(
    readonly status: number, // 0: nobody answered
    readonly code: string,
    message: string,
    readonly path?: string,
  ) {
    super(path ? `${path}: ${message}` : message);
  }
}

let token = "";

/** Exchange the code of the address for the token, or take the one that is kept. */
export async function login(): Promise<boolean> {
  const code = location.hash.slice(1);
  if (code) {
    history.replaceState(null, "", location.pathname); // it is used up
    try {
      const answer = await post<{ token: string }>("session", { code });
      localStorage.setItem(KEY, answer.token);
    } catch (failure) {
      if (!localStorage.getItem(KEY)) throw failure;
    }
  }
  token = localStorage.getItem(KEY) ?? "";
  return token !== "";
}

// The server was started again, and opened in another tab.
if (typeof window !== "undefined")
  addEventListener("storage", ({ key, newValue }) => {
    if (key === KEY && newValue) token = newValue;
  });

async function request(path: string, options: RequestInit = {}): Promise<Response> {
  let answer: Response;
  try {
    const headers = { ...options.headers, Authorization: `Bearer ${token}` };
    answer = await fetch(path.startsWith("/") ? path : `/api/${path}`, { ...options, headers });
  } catch (failure) {
    if (options.signal?.aborted) throw failure;
    throw new ApiFailure(0, "away", "libindex is not running; start it with: libindex serve");
  }
  if (answer.ok) return answer;
  const { error } = (await answer.json().catch(() => ({ error: null }))) as {
    error: ApiError | null;
  };
  throw new ApiFailure(
    answer.status,
    error?.code ?? "failed",
    error?.message ?? `the server answered ${answer.status}`,
    error?.path,
  );
}

function sent(body: unknown, signal?: AbortSignal): RequestInit {
  return {
    method: "POST",
    body: JSON.stringify(body),
    headers: { "Content-Type": "application/json" },
    ...(signal && { signal }),
  };
}

async function get<T>(path: string): Promise<T> {
  return (await request(path)).json() as Promise<T>;
}

async function post<T>(path: string, body: unknown, signal?: AbortSignal): Promise<T> {
  return (await request(path, sent(body, signal))).json() as Promise<T>;
}

/** Filters in the words of the library: see libindex/serve/filtering.py. */
export type FilterBody = Record<string, unknown>;

export interface Understood {
  word: string;
  classes: string[];
  not: boolean;
}
export interface SearchHeader {
  understood: Understood[];
  all: boolean; // names leave nothing out
  problem: string | null;
}
export interface LibraryFolder {
  id: string;
  name: string;
  depth: number;
  sounds: number;
}
export interface Audio {
  data: ArrayBuffer;
  loudness: number; // LUFS
  peak: number; // dBFS
  length: number | null; // s, of the whole
}
export interface OutlinesFound {
  found: Map<number, Int8Array>;
  failed: number[];
}
interface Pads {
  pads: KitPad[];
}
export interface Layout {
  name: string;
  pads: KitPad[];
}
export interface Shelf {
  folder: string;
  entries: ShelfEntry[];
}
export interface Written {
  folder: string;
  pads: number;
  warnings: string[];
}

export const api = {
  library: () => get<LibraryInfo>("library"),

  async points(since?: string): Promise<Table<PointsHeader>> {
    const answer = await request(`points${since ? `?since=${since}` : ""}`);
    return readTable<PointsHeader>(await answer.arrayBuffer());
  },

  async rows(ids: number[]): Promise<Row[]> {
    return (await post<{ rows: Row[] }>("rows", { ids })).rows;
  },

  async search(text: string, folder: string | null, signal: AbortSignal) {
    const answer = await request("search", sent({ text, folder }, signal));
    return readTable<SearchHeader & { columns: never }>(await answer.arrayBuffer());
  },

  async names(): Promise<Uint32Array> {
    const answer = await request("names");
    return readTable(await answer.arrayBuffer()).columns.id as Uint32Array;
  },

  folders: async () => (await get<{ folders: LibraryFolder[] }>("folders")).folders,
  sound: (id: number) => get<Sound>(`sounds/${id}`),

  async audio(id: number, signal: AbortSignal, start = 0): Promise<Audio> {
    const answer = await request(`sounds/${id}/audio${start ? `?start=${start}` : ""}`, { signal });
    const number = (name: string) => Number(answer.headers.get(`libindex-${name}`) || Number.NaN);
    const length = number("length");
    return {
      data: await answer.arrayBuffer(),
      loudness: number("loudness"),
      peak: number("peak"),
      length: Number.isNaN(length) ? null : length,
    };
  },

  async outlines(ids: number[]): Promise<OutlinesFound> {
    const answer = await request("outlines", sent({ ids }));
    const data = await answer.arrayBuffer();
    const table = readTable<{ stride: number; failed: number[] }>(data);
    const found = new Map<number, Int8Array>();
    const { stride, failed } = table.header;
    const start = data.byteLength - table.length * stride;
    for (let row = 0; row < table.length; row++)
      found.set(table.columns.id[row], new Int8Array(data, start + row * stride, stride));
    return { found, failed };
  },

  async similar(ids: number[], filters: FilterBody, n = 200): Promise<Similar[]> {
    return (await post<{ found: Similar[] }>("similar", { ids, filters, n })).found;
  },

  async similarToFile(file: File): Promise<{ title: string; class: string; found: Similar[] }> {
    const answer = await request(`similar/upload?name=${encodeURIComponent(file.name)}`, {
      method: "POST",
      body: await file.arrayBuffer(),
      headers: { "Content-Type": "application/octet-stream" },
    });
    return answer.json();
  },

  /** Also when the page is just being closed. */
  heard: (ids: number[]) => request("heard", { ...sent({ ids }), keepalive: true }),
  reveal: (id: number) => post<object>("reveal", { id }),
  ticket: (id: number) => post<{ url: string; name: string }>("ticket", { id }),

  drawMap: (action: "settle" | "redraw" | "undo" | "stop") => post<object>("map", { action }),

  suggestions: async () => (await get<{ folders: Folder[] }>("suggestions")).folders,
  add: (id: string) => post<object>("add", { id }),

  shelf: () => get<Shelf>("shelf"),
  shelve: (ids: number[]) => post<Shelf & { added: number[] }>("shelf", { ids }),
  unshelve: (ids: number[], names: string[] = []) => post<Shelf>("shelf/remove", { ids, names }),

  layouts: async () => (await get<{ layouts: Layout[] }>("kits/layouts")).layouts,
  assign: (body: {
    layout: string;
    filters: FilterBody;
    locked: Record<number, number>;
    shuffle?: boolean;
    seed?: number;
  }) => post<Pads>("kits/assign", body),
  swap: (body: {
    layout: string;
    pads: Record<number, number>;
    keys: number[];
    skip: number[];
    filters: FilterBody;
  }) => post<Pads>("kits/swap", body),
  write: (body: {
    layout: string;
    pads: Record<number, number>;
    name: string;
    formats: string[];
    match_levels: boolean;
    choke: boolean;
    replace: boolean;
  }) => post<Written>("kits/write", body),
};

/** Read the stream of events until it ends; "hello" comes first, once none can be missed. */
export async function listen(
  on: (kind: string, data: unknown) => void,
  signal: AbortSignal,
): Promise<void> {
  const answer = await request("events", { signal });
  const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
  let rest: string | null = null;
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    if (rest === null) on("hello", null);
    rest = (rest ?? "") + value;
    const blocks: string[] = rest.split("\n\n");
    rest = blocks.pop()!;
    for (const block of blocks) {
      const kind = block.match(/^event: (.*)$/m)?.[1];
      const data = block.match(/^data: (.*)$/m)?.[1];
      if (kind && data) on(kind, JSON.parse(data));
    }
  }
}
