// Pads struck by a MIDI keyboard, once the user has asked for it.

export const hasMidi = typeof navigator !== "undefined" && "requestMIDIAccess" in navigator;

/** Listen to all inputs, also those that are plugged in later; returns how many there are. */
export async function listenToMidi(
  strike: (key: number, velocity: number) => void,
): Promise<number> {
  const access = await navigator.requestMIDIAccess();
  const attach = () => {
    for (const input of access.inputs.values())
      input.onmidimessage = ({ data }) => {
        if (data && (data[0] & 0xf0) === 0x90 && data[2] > 0) strike(data[1], data[2] / 127);
      };
  };
  access.onstatechange = attach;
  attach();
  return access.inputs.size;
}
