// Builds the page into libindex/serve/static, which is committed: users need no Node.
//
//   node build.mjs           the page
//   node build.mjs --tests   the unit tests, into build/tests, for `node --test`
//   node build.mjs --e2e TO  the tests in a browser, into a folder, for tests/page
//   node build.mjs --keys    the table of keys in docs/serve.md; tests/keys.test.ts compares it
//   node build.mjs --watch   the page, again at every change, with source maps
import { copyFile, mkdir, readdir, rm } from "node:fs/promises";
import * as esbuild from "esbuild";

const STATIC = "../libindex/serve/static";
const shared = {
  bundle: true,
  format: "esm",
  target: "es2022",
  jsx: "automatic",
  jsxImportSource: "preact",
  logLevel: "warning",
};

const tests = ["tests", "e2e"].find((folder) => process.argv.includes(`--${folder}`));
if (tests) {
  const outdir = process.argv[3] ?? `build/${tests}`;
  await rm(outdir, { recursive: true, force: true });
  const files = (await readdir(tests, { recursive: true })).filter((f) =>
    /(\.test|bench)\.tsx?$/.test(f),
  );
  await esbuild.build({
    ...shared,
    entryPoints: files.map((file) => `${tests}/${file}`),
    outdir,
    outExtension: { ".js": ".mjs" },
    platform: "node",
    packages: "external",
  });
} else if (process.argv.includes("--keys")) {
  await esbuild.build({
    ...shared,
    entryPoints: ["tests/keys.ts"],
    outfile: "build/keys.mjs",
    platform: "node",
  });
  await (await import("./build/keys.mjs")).write("../docs/serve.md");
} else {
  const watch = process.argv.includes("--watch");
  await mkdir(STATIC, { recursive: true });
  const options = {
    ...shared,
    entryPoints: ["src/main.tsx", "src/theme.css"],
    outdir: STATIC,
    minify: !watch,
    sourcemap: watch ? "inline" : false,
    legalComments: "none",
    charset: "utf8",
  };
  await copyFile("src/index.html", `${STATIC}/index.html`);
  await copyFile("src/icon.svg", `${STATIC}/icon.svg`);
  if (watch) await (await esbuild.context(options)).watch();
  else await esbuild.build(options);
}
