// A range with two ends, over a histogram of what is shown.

import { useRef } from "preact/hooks";

interface Props {
  label: string;
  stops: number; // from 0 to stops - 1
  low: number | null;
  high: number | null;
  isSingle?: boolean; // only the low end
  bars?: readonly number[];
  words(stop: number): string;
  ends: [string, string];
  onChange(low: number | null, high: number | null): void;
  onSettle(): void;
}

export function Range(props: Props) {
  const { label, stops, low, high, isSingle, bars, words, ends } = props;
  const track = useRef<HTMLDivElement>(null);
  const last = stops - 1;
  const at = { low: low ?? 0, high: high ?? last };

  const set = (end: "low" | "high", stop: number) => {
    const clamped = Math.min(last, Math.max(0, Math.round(stop)));
    if (end === "low") {
      const value = Math.min(clamped, at.high);
      props.onChange(value === 0 ? null : value, high);
    } else {
      const value = Math.max(clamped, at.low);
      props.onChange(low, value === last ? null : value);
    }
  };
  const stopAt = (event: PointerEvent) => {
    const box = track.current!.getBoundingClientRect();
    return ((event.clientX - box.left) / box.width) * last;
  };
  const down = (event: PointerEvent) => {
    event.preventDefault();
    const stop = stopAt(event);
    const isNearHigh = Math.abs(stop - at.high) < Math.abs(stop - at.low);
    // Where both ends are together, the side that was pressed decides.
    const end = isSingle
      ? "low"
      : at.low === at.high
        ? stop > at.low
          ? "high"
          : "low"
        : isNearHigh
          ? "high"
          : "low";
    track.current!.querySelector<HTMLElement>(`[data-end=${end}]`)?.focus();
    set(end, stop);
    const move = (later: PointerEvent) => set(end, stopAt(later));
    const up = () => {
      removeEventListener("pointermove", move);
      removeEventListener("pointerup", up);
      props.onSettle();
    };
    addEventListener("pointermove", move);
    addEventListener("pointerup", up);
  };
  const key = (end: "low" | "high") => (event: KeyboardEvent) => {
    const by = {
      ArrowLeft: -1,
      ArrowDown: -1,
      ArrowRight: 1,
      ArrowUp: 1,
      PageDown: -last / 10,
      PageUp: last / 10,
    }[event.key];
    const step = Math.max(1, Math.round(last / 100));
    if (event.key === "Home") set(end, 0);
    else if (event.key === "End") set(end, last);
    else if (by === undefined) return;
    else set(end, at[end] + (Math.abs(by) === 1 ? by * step : by));
    event.preventDefault();
    event.stopPropagation();
    props.onSettle();
  };
  const thumb = (end: "low" | "high") => (
    <div
      role="slider"
      tabIndex={0}
      data-end={end}
      class="thumb"
      style={{ left: `${(100 * at[end]) / last}%` }}
      aria-label={`${label}, ${isSingle ? "at least" : end === "low" ? "from" : "to"}`}
      aria-valuemin={0}
      aria-valuemax={last}
      aria-valuenow={at[end]}
      aria-valuetext={words(at[end])}
      onKeyDown={key(end)}
    />
  );
  const largest = Math.max(1, ...(bars ?? [1]));
  const isSet = low !== null || high !== null;
  const shown = isSingle
    ? low === null
      ? "any"
      : `≥ ${words(at.low)}`
    : low === null && high === null
      ? "any"
      : low === null
        ? `≤ ${words(at.high)}`
        : high === null
          ? `≥ ${words(at.low)}`
          : `${words(at.low)} – ${words(at.high)}`;
  return (
    <div class={isSet ? "range set" : "range"}>
      <div class="range-head">
        <span>{label}</span>
        <output>{shown}</output>
        {isSet && (
          <button
            type="button"
            class="clear"
            aria-label={`Any ${label}`}
            onClick={() => {
              props.onChange(null, null);
              props.onSettle();
            }}
          >
            ×
          </button>
        )}
      </div>
      <div class="track" ref={track} onPointerDown={down}>
        {bars && (
          <svg
            class="bars"
            viewBox={`0 0 ${bars.length} 1`}
            preserveAspectRatio="none"
            aria-hidden="true"
          >
            {bars.map((bar, number) => {
              const height = bar ? Math.max(0.04, bar / largest) : 0;
              return <rect key={number} x={number} y={1 - height} width="0.8" height={height} />;
            })}
          </svg>
        )}
        <div
          class="fill"
          style={{ left: `${(100 * at.low) / last}%`, right: `${100 - (100 * at.high) / last}%` }}
        />
        {thumb("low")}
        {!isSingle && thumb("high")}
      </div>
      <div class="range-ends" aria-hidden="true">
        <span>{ends[0]}</span>
        <span>{ends[1]}</span>
      </div>
    </div>
  );
}
