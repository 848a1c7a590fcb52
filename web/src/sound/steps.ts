// Sixteen steps: what plays when, looked up a little ahead of time.

export const STEPS = 16;

const AHEAD_S = 0.1;
const EVERY_MS = 25;

/** Which steps a pad plays at first, by its class. */
export function firstPattern(code: string): boolean[] {
  const at: Record<string, number[]> = {
    kick: [0, 7, 8],
    snr: [4, 12],
    clp: [12],
    hhc: [0, 2, 4, 6, 8, 10, 12],
    hho: [14],
    rim: [3, 11],
    shk: [1, 3, 5, 7, 9, 11, 13, 15],
  };
  return Array.from({ length: STEPS }, (_, step) => (at[code] ?? []).includes(step));
}

/** Swing as drum machines show it: where the second of two steps begins; 50 is straight. */
export function percentOf(swing: number): number {
  return Math.round(100 * (startOf(1, 60, swing) / startOf(2, 60, swing)));
}

/** When a step begins, in seconds after the bar; swing moves every second one back. */
export function startOf(step: number, bpm: number, swing: number): number {
  const sixteenth = 60 / bpm / 4;
  return sixteenth * (step + (step % 2 ? swing * 0.5 : 0));
}

export class Sequencer {
  private timer: ReturnType<typeof setInterval> | undefined;
  private next = 0;
  private bar = 0;

  constructor(
    private readonly clock: () => number,
    private readonly tempo: () => { bpm: number; swing: number },
    private readonly strike: (step: number, when: number) => void,
  ) {}

  get isRunning(): boolean {
    return this.timer !== undefined;
  }

  start(): void {
    this.next = 0;
    this.bar = this.clock() + 0.05;
    this.timer = setInterval(() => this.look(), EVERY_MS);
    this.look();
  }

  stop(): void {
    clearInterval(this.timer);
    this.timer = undefined;
  }

  /** Schedule what begins soon. */
  look(): void {
    for (;;) {
      const { bpm, swing } = this.tempo();
      const when = this.bar + startOf(this.next, bpm, swing);
      if (when > this.clock() + AHEAD_S) return;
      this.strike(this.next, Math.max(when, this.clock()));
      if (++this.next === STEPS) {
        this.next = 0;
        this.bar += startOf(STEPS, bpm, 0);
      }
    }
  }
}
