// A waveform.

import { useSignalEffect } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { playing } from "../state.ts";
import { outlines, player } from "../store.ts";
import { drawOutline, outlinesCame } from "../waveform.ts";

interface Props {
  id: number;
  class?: string;
  colour?: string; // by default that of the text
  isLive?: boolean; // with the playhead
}

export function Wave({ id, class: name = "wave", colour = "", isLive = false }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const draw = () => {
    if (!canvas.current) return;
    const progress = isLive ? player.progress(id) : null;
    drawOutline(canvas.current, { outline: outlines.get(id), colour, progress });
  };
  useEffect(draw);
  useSignalEffect(() => {
    void outlinesCame.value;
    draw();
  });
  useSignalEffect(() => {
    if (!isLive || !playing.value.has(id)) {
      draw();
      return;
    }
    let frame = 0;
    const step = () => {
      draw();
      frame = requestAnimationFrame(step);
    };
    step();
    return () => cancelAnimationFrame(frame);
  });
  return <canvas ref={canvas} class={name} aria-hidden="true" />;
}
