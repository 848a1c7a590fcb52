// Plays sounds: one at a time, the last one asked for, without clicks.

import type { Heard, SoundCache } from "./cache.ts";
import { gainDb, toFactor } from "./level.ts";

const FADE_S = 0.004;
const HEARD_S = 0.25; // a sound that was played so long, or to its end, was heard

export interface Options {
  from?: number; // s
  velocity?: number; // 0 to 1
  when?: number; // of the context's clock
  group?: string; // sounds of one group cut each other off
  isExtra?: boolean; // cuts nothing off
}

export interface Voice {
  id: number;
  source: AudioBufferSourceNode;
  gain: GainNode;
  group: string;
  started: number; // of the context's clock
  from: number;
  seconds: number;
  isFading: boolean;
}

export interface Preferences {
  volume: number;
  matchLevels: boolean;
  overlap: boolean;
  output: string;
}

export class Player {
  private context: AudioContext | null = null;
  private master: GainNode | null = null;
  private asked = 0; // sounds are played in the order in which they were asked for
  private pointed = 0;
  private dwell: ReturnType<typeof setTimeout> | undefined;
  readonly voices = new Set<Voice>();

  constructor(
    private readonly cache: SoundCache,
    private readonly preferences: () => Preferences,
    private readonly on: {
      change(): void;
      heard(id: number): void;
      failed(id: number, error: unknown): void;
    },
  ) {}

  /** Whether the browser lets sound out. */
  get isOpen(): boolean {
    return this.context?.state === "running";
  }

  /** Whether anything is heard that was not told to stop. */
  get isSounding(): boolean {
    return [...this.voices].some((voice) => !voice.isFading);
  }

  get now(): number {
    return this.context?.currentTime ?? 0;
  }

  /** Ask for sound; the browser allows it in a click or a key only. */
  async open(): Promise<boolean> {
    if (!this.context) {
      this.context = new AudioContext({ latencyHint: "interactive" });
      this.master = this.context.createGain();
      this.master.connect(this.context.destination);
      this.context.onstatechange = () => this.on.change();
      this.preferencesChanged();
    }
    if (this.context.state !== "running") {
      const resumed = this.context.resume().catch(() => {});
      // Without a gesture this never settles.
      await Promise.race([resumed, new Promise((done) => setTimeout(done, 100))]);
    }
    return this.isOpen;
  }

  decode(data: ArrayBuffer): Promise<AudioBuffer> {
    // A context that plays nothing can decode before any gesture.
    const context = this.context ?? new OfflineAudioContext(2, 1, 48_000);
    return context.decodeAudioData(data);
  }

  preferencesChanged(): void {
    const { volume, output } = this.preferences();
    if (!this.context || !this.master) return;
    this.master.gain.setTargetAtTime(volume * volume, this.now, 0.01);
    const context = this.context as AudioContext & {
      sinkId?: string;
      setSinkId?(id: string): Promise<void>;
    };
    if (context.setSinkId && (context.sinkId ?? "") !== output)
      context.setSinkId(output).catch(() => {}); // it was unplugged: the old one goes on
  }

  /** Play a sound, in place of what plays. */
  async play(id: number, options: Options = {}): Promise<void> {
    const number = ++this.asked;
    clearTimeout(this.dwell);
    try {
      const isReady = this.open();
      const sound = await this.cache.get(id);
      // Another one was asked for meanwhile, or silence.
      if (number !== this.asked && !options.isExtra) return;
      if (!(await isReady)) return;
      if (number !== this.asked && !options.isExtra) return;
      this.start(id, sound, options);
    } catch (error) {
      if (number === this.asked) this.on.failed(id, error);
    }
  }

  /** Play a sound that was decoded elsewhere. */
  async playBuffer(buffer: AudioBuffer): Promise<void> {
    this.asked++;
    if (await this.open())
      this.start(0, { buffer, loudness: Number.NaN, peak: Number.NaN, length: null }, {});
  }

  /** The pointer is on a sound, or on none (0): play it when it stays there for a moment. */
  point(id: number, dwellMs: number): void {
    clearTimeout(this.dwell);
    this.pointed = id;
    if (id && this.isOpen)
      this.dwell = setTimeout(() => {
        if (this.pointed === id) this.play(id);
      }, dwellMs);
  }

  /** Silence, also for what is still coming. */
  stop(): void {
    this.asked++;
    clearTimeout(this.dwell);
    for (const voice of this.voices) this.fade(voice);
  }

  /** How far a sound is, from 0 to 1; null if it does not play. */
  progress(id: number): number | null {
    for (const voice of this.voices)
      if (voice.id === id)
        return (voice.from + Math.max(0, this.now - voice.started)) / voice.seconds;
    return null;
  }

  /** Play a decoded sound at a time of the clock. */
  start(id: number, sound: Heard, options: Options): void {
    const context = this.context!;
    const { matchLevels, overlap } = this.preferences();
    const when = Math.max(context.currentTime, options.when ?? 0);
    const group = options.group ?? "";
    for (const voice of this.voices)
      if (group ? voice.group === group : !options.isExtra && !overlap) this.fade(voice, when);
    const source = context.createBufferSource();
    const gain = context.createGain();
    source.buffer = sound.buffer;
    const level = (matchLevels ? toFactor(gainDb(sound)) : 1) * (options.velocity ?? 1);
    const from = Math.min(options.from ?? 0, sound.buffer.duration);
    // From the middle of a sound a sudden start would click.
    gain.gain.setValueAtTime(from ? 0 : level, when);
    if (from) gain.gain.linearRampToValueAtTime(level, when + FADE_S);
    source.connect(gain).connect(this.master!);
    const seconds = sound.buffer.duration;
    const voice: Voice = { id, source, gain, group, started: when, from, seconds, isFading: false };
    source.onended = () => this.ended(voice);
    source.start(when, from);
    this.voices.add(voice);
    this.on.change();
  }

  private fade(voice: Voice, at = this.now): void {
    voice.isFading = true;
    const end = at + FADE_S;
    const { gain } = voice.gain;
    gain.cancelScheduledValues(at);
    gain.setValueAtTime(gain.value, at);
    gain.linearRampToValueAtTime(0, end);
    voice.source.stop(end + 0.001);
  }

  private ended(voice: Voice): void {
    voice.source.disconnect();
    voice.gain.disconnect();
    this.voices.delete(voice);
    const played = this.now - voice.started;
    if (voice.id && played >= Math.min(HEARD_S, 0.6 * voice.seconds)) this.on.heard(voice.id);
    this.on.change();
  }
}
