// The table of keys as docs/serve.md has it.
import { readFile, writeFile } from "node:fs/promises";
import "./browser.ts";

const BEGIN = "<!-- keys: begin (node web/build.mjs --keys) -->\n";
const END = "<!-- keys: end -->";

export async function table(): Promise<string> {
  const { KEYS, TOGETHER } = await import("../src/keys.ts");
  const sections = [...new Set(KEYS.map((key) => key.section))];
  const lines = ["| key | what it does |", "|---|---|"];
  for (const section of sections) {
    lines.push(`| **${section}** | |`);
    for (const key of [...KEYS, ...TOGETHER])
      if (key.section === section && key.does) {
        const shown = key.shown ?? ("keys" in key ? key.keys[0] : "");
        lines.push(`| \`${shown}\` | ${key.does} |`);
      }
  }
  return `${lines.join("\n")}\n`;
}

/** A page with the table in it. */
export async function withTable(page: string): Promise<string> {
  const [before, rest] = page.split(BEGIN);
  return `${before}${BEGIN}${await table()}${END}${rest.split(END)[1]}`;
}

export async function write(path: string): Promise<void> {
  await writeFile(path, await withTable(await readFile(path, "utf8")));
}
