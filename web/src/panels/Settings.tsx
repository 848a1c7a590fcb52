// What is set once, below the keys.

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { preferences } from "../state.ts";
import { complain } from "../store.ts";

const LONGEST_DWELL_MS = 1000;

export function Settings() {
  const { dwellMs, overlap, speak } = preferences.value;
  return (
    <div class="settings">
      <h3>Settings</h3>
      <label>
        <span>Pointing plays after</span>
        <input
          type="number"
          min="0"
          max={LONGEST_DWELL_MS}
          step="10"
          value={dwellMs}
          onChange={(event) => {
            const wanted = event.currentTarget.valueAsNumber || 0;
            set({ dwellMs: Math.min(LONGEST_DWELL_MS, Math.max(0, wanted)) });
          }}
        />
        <span>ms</span>
      </label>
      <Choice
        text="Let sounds ring on when another one begins"
        isOn={overlap}
        onChange={(isOn) => set({ overlap: isOn })}
      />
      <Choice
        text="Tell the screen reader every sound, also while it plays"
        isOn={speak}
        onChange={(isOn) => set({ speak: isOn })}
      />
      <Output />
    </div>
  );
}

function set(to: Partial<typeof preferences.value>): void {
  preferences.value = { ...preferences.value, ...to };
}

function Choice(props: { text: string; isOn: boolean; onChange: (isOn: boolean) => void }) {
  return (
    <label class="check">
      <input
        type="checkbox"
        checked={props.isOn}
        onChange={(event) => props.onChange(event.currentTarget.checked)}
      />
      {props.text}
    </label>
  );
}

const canChoose = typeof AudioContext !== "undefined" && "setSinkId" in AudioContext.prototype;

/** Which device plays, where the browser lets a page choose. */
function Output() {
  const devices = useSignal<MediaDeviceInfo[]>([]);
  const look = async () => {
    const found = await navigator.mediaDevices.enumerateDevices();
    devices.value = found.filter((one) => one.kind === "audiooutput" && one.label);
  };
  useEffect(() => {
    if (!canChoose) return;
    void look();
    navigator.mediaDevices.addEventListener("devicechange", look);
    return () => navigator.mediaDevices.removeEventListener("devicechange", look);
  }, []);
  if (!canChoose)
    return <p class="dim">This browser plays by the system’s output; Chromium lets you choose.</p>;
  if (!devices.value.length)
    return (
      <p>
        <button type="button" onClick={() => ask().then(look, complain)}>
          Choose the output …
        </button>{" "}
        <span class="dim">
          The browser asks for the microphone: it names outputs only then. Nothing is recorded.
        </span>
      </p>
    );
  return (
    <label>
      <span>Output</span>
      <select
        value={preferences.value.output}
        onChange={(event) => set({ output: event.currentTarget.value })}
      >
        <option value="">the system’s</option>
        {devices.value
          .filter((one) => one.deviceId !== "default")
          .map((one) => (
            <option key={one.deviceId} value={one.deviceId}>
              {one.label}
            </option>
          ))}
      </select>
    </label>
  );
}

/** Have the browser name the devices: it does so for pages that may use the microphone. */
async function ask(): Promise<void> {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true }).catch(() => {
    throw new Error("the browser does not name the outputs; the system’s is used");
  });
  for (const track of stream.getTracks()) track.stop();
}
