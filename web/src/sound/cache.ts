// Decoded sounds, the least recently used of which go when there are too many.

import type { Levels } from "./level.ts";

export interface Heard extends Levels {
  buffer: AudioBuffer;
  length: number | null; // s, of the whole file
}

export interface Source {
  fetch(
    id: number,
    signal: AbortSignal,
  ): Promise<Levels & { data: ArrayBuffer; length: number | null }>;
  decode(data: ArrayBuffer): Promise<AudioBuffer>;
}

const MOST_BYTES = 256 * 2 ** 20;
const AT_ONCE = 3; // fetched ahead

export class SoundCache {
  private readonly kept = new Map<number, Heard>(); // the most recently used last
  private readonly coming = new Map<number, { sound: Promise<Heard>; abort: AbortController }>();
  private wanted: number[] = [];
  private bytes = 0;

  constructor(
    private readonly source: Source,
    private readonly most = MOST_BYTES,
  ) {}

  get size(): number {
    return this.kept.size;
  }

  /** A sound that is there already. */
  peek(id: number): Heard | undefined {
    const found = this.kept.get(id);
    if (found) {
      this.kept.delete(id);
      this.kept.set(id, found);
    }
    return found;
  }

  /** A sound, now. */
  async get(id: number): Promise<Heard> {
    return this.peek(id) ?? this.coming.get(id)?.sound ?? this.load(id);
  }

  /** Fetch sounds that may be asked for next, and give up on those that were wanted before. */
  ahead(ids: readonly number[]): void {
    this.wanted = ids.filter((id) => !this.kept.has(id) && !this.coming.has(id));
    this.pump();
  }

  /** Forget what may have changed. */
  drop(ids: Iterable<number>): void {
    for (const id of ids) {
      const found = this.kept.get(id);
      if (found) this.bytes -= sizeOf(found);
      this.kept.delete(id);
    }
  }

  private pump(): void {
    while (this.coming.size < AT_ONCE) {
      const id = this.wanted.shift();
      if (id === undefined) return;
      if (this.kept.has(id) || this.coming.has(id)) continue;
      this.load(id)
        .catch(() => {}) // it is asked for again if it is played
        .finally(() => this.pump());
    }
  }

  private load(id: number): Promise<Heard> {
    const abort = new AbortController();
    const sound = this.source
      .fetch(id, abort.signal)
      .then(async ({ data, ...about }) => ({ ...about, buffer: await this.source.decode(data) }))
      .then((found) => {
        this.keep(id, found);
        return found;
      })
      .finally(() => this.coming.delete(id));
    this.coming.set(id, { sound, abort });
    return sound;
  }

  private keep(id: number, found: Heard): void {
    this.kept.set(id, found);
    this.bytes += sizeOf(found);
    for (const [oldest, sound] of this.kept) {
      if (this.bytes <= this.most || oldest === id) return;
      this.kept.delete(oldest);
      this.bytes -= sizeOf(sound);
    }
  }
}

function sizeOf({ buffer }: Heard): number {
  return 4 * buffer.length * buffer.numberOfChannels;
}
