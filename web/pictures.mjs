// Makes the pictures of the page for the documentation.
//
//   node web/pictures.mjs DB FOLDER     (LIBINDEX: the command, by default .venv/bin/libindex)
//
// Of a library, for example one of `libindex scan`; nothing of it is changed but what was heard.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const [db, folder] = process.argv.slice(2);
const libindex = process.env.LIBINDEX ?? ".venv/bin/libindex";
const server = spawn(libindex, ["serve", "--no-browser", "--port", "0", "--db", db], {
  stdio: ["ignore", "pipe", "inherit"],
});
const address = await new Promise((done) => {
  createInterface({ input: server.stdout }).on("line", done);
});
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
});
const context = await browser.newContext({
  viewport: { width: 1280, height: 800 },
  colorScheme: "dark",
});
const page = await context.newPage();
await page.goto(address);
await page.locator("[data-ready]").waitFor();
await page.waitForTimeout(1500);

const picture = async (name) => {
  await page.waitForTimeout(1200);
  await page.screenshot({ path: `${folder}/${name}.png` });
};
const box = await page.locator("[data-over]").boundingBox();
await page.mouse.click(box.x + box.width * 0.66, box.y + box.height * 0.84);
await picture("page");
await page.locator("[data-search]").fill("snare -vinyl");
await page.locator("[data-search]").blur();
await page.emulateMedia({ colorScheme: "light" });
await picture("page-light");
await page.emulateMedia({ colorScheme: "dark" });
await page.locator("[data-search]").fill("");
await page.locator("[data-search]").blur();
await page.keyboard.press("k");
await page.getByRole("button", { name: /^Fill from/ }).click();
await picture("page-pads");
await browser.close();
server.kill();
