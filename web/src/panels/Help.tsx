// All keys, and settings.

import { useEffect, useRef } from "preact/hooks";
import { KEYS, TOGETHER } from "../keys.ts";
import { helpOpen } from "../state.ts";
import { Settings } from "./Settings.tsx";

const SECTIONS = ["Hear", "Find", "Map", "Use", "Pads", "Page"] as const;

export function HelpPanel() {
  const close = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    const before = document.activeElement as HTMLElement | null;
    close.current?.focus();
    return () => before?.focus();
  }, []);
  return (
    <section class="help" aria-label="Keys and settings" data-panel="help">
      <div class="drawer-head">
        <h2>Keys and settings</h2>
        <button
          ref={close}
          type="button"
          onClick={() => {
            helpOpen.value = false;
          }}
        >
          Close
        </button>
      </div>
      <div class="sections">
        {SECTIONS.map((section) => (
          <div key={section}>
            <h3>{section}</h3>
            <dl>
              {[...KEYS, ...TOGETHER]
                .filter((key) => key.section === section && key.does)
                .map((key) => (
                  <div key={key.does}>
                    <dt>
                      <kbd>{key.shown ?? ("keys" in key ? key.keys[0] : "")}</kbd>
                    </dt>
                    <dd>{key.does}</dd>
                  </div>
                ))}
            </dl>
          </div>
        ))}
      </div>
      <Settings />
    </section>
  );
}
