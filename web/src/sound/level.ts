// How much a sound is amplified so that all sound equally loud, and none clips.

export const TARGET_LUFS = -18; // of the loudest 400 ms
export const CEILING_DBFS = -0.1;
export const MOST_DB = 30; // a hiss need not be a roar

export interface Levels {
  loudness: number; // LUFS; -Infinity or NaN for silence
  peak: number; // dBFS
}

/** The gain of a sound [dB]. */
export function gainDb({ loudness, peak }: Levels): number {
  if (!Number.isFinite(loudness) || !Number.isFinite(peak)) return 0;
  return Math.min(TARGET_LUFS - loudness, MOST_DB, CEILING_DBFS - peak);
}

export function toFactor(db: number): number {
  return 10 ** (db / 20);
}
