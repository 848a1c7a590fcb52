// An empty library: folders to add.

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { api } from "../api.ts";
import { library, watching } from "../state.ts";
import { complain } from "../store.ts";
import type { Folder } from "../types.ts";
import { count } from "../words.ts";

export function Welcome() {
  const folders = useSignal<Folder[] | null>(null);
  const added = useSignal<string | null>(null);
  useEffect(() => {
    api.suggestions().then((found) => {
      folders.value = found;
    }, complain);
  }, []);
  const add = async (folder: Folder) => {
    try {
      await api.add(folder.id);
      added.value = folder.path;
    } catch (error) {
      complain(error);
    }
  };
  const known = added.value ?? library.value?.roots.map((root) => root.path).join(", ");
  if (known)
    return (
      <section class="welcome" role="status">
        <h2>Looking at your sounds</h2>
        <p>
          {known}: {watching.value.doing || "starting"} …
        </p>
        <p class="hint">They appear here as they are analysed. Nothing is changed in the folder.</p>
      </section>
    );
  return (
    <section class="welcome">
      <h2>Where are your sounds?</h2>
      {folders.value && folders.value.length > 0 && (
        <ul>
          {folders.value.map((folder) => (
            <li key={folder.id}>
              <button type="button" class="main" onClick={() => void add(folder)}>
                <span>{folder.path}</span>
                <b>
                  {folder.more ? "more than " : ""}
                  {count(folder.files)} sounds
                </b>
              </button>
            </li>
          ))}
        </ul>
      )}
      <p>
        {folders.value?.length
          ? "Or another folder, in a terminal:"
          : "Name their folder in a terminal:"}
      </p>
      <pre>libindex serve ~/Samples</pre>
      <p class="hint">Files are only read, never changed or moved.</p>
    </section>
  );
}
