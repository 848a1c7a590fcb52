// What was done, or went wrong, for a moment.

import { useEffect } from "preact/hooks";
import { message } from "../state.ts";

const SECONDS = { done: 4, error: 10 };

export function Message() {
  const current = message.value;
  useEffect(() => {
    if (!current) return;
    const timer = setTimeout(() => {
      if (message.value === current) message.value = null;
    }, 1000 * SECONDS[current.kind]);
    return () => clearTimeout(timer);
  }, [current]);
  return (
    <div class="message-place" role="status" aria-live="polite">
      {current && (
        <div class={`message ${current.kind}`}>
          <span>{current.text}</span>
          {current.undo && (
            <button
              type="button"
              onClick={() => {
                current.undo!();
                message.value = null;
              }}
            >
              Undo
            </button>
          )}
          <button
            type="button"
            aria-label="Close"
            onClick={() => {
              message.value = null;
            }}
          >
            ×
          </button>
        </div>
      )}
    </div>
  );
}
