// Bundles src/main.js and the libraries it uses into ../built/app.js, and their licences into ../built/LICENCES.txt.
// Run at development time only: the built files are in the repository, and CI compares them with a fresh build.
import { build } from "esbuild";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, "..", "built");

const result = await build({
  absWorkingDir: here,
  entryPoints: ["src/main.js"],
  outfile: join(out, "app.js"),
  bundle: true,
  minify: true,
  format: "iife",
  target: ["chrome103", "firefox113", "safari16.4"],
  charset: "utf8",
  legalComments: "none",
  metafile: true,
  write: false,
});

// The program stands inside a <script> element: nothing in it may end that element or begin another.
const program = result.outputFiles[0].text.replaceAll("</script", "<\\/script").replaceAll("<!--", "<\\!--");
writeFileSync(join(out, "app.js"), program);

const packages = new Set();
for (const input of Object.keys(result.metafile.inputs)) {
  const found = input.match(/node_modules\/((?:@[^/]+\/)?[^/]+)\//);
  if (found) packages.add(found[1]);
}
const notices = [...packages].sort().map((name) => {
  const folder = join(here, "node_modules", name);
  const about = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
  const text = file ? readFileSync(join(folder, file), "utf8").trim() : "(no licence file in the package)";
  return `${name} ${about.version} (${about.license})\n\n${text}\n`;
});
writeFileSync(join(out, "LICENCES.txt"), `The dashboard's program contains:\n\n${notices.join(`\n${"-".repeat(72)}\n\n`)}`);
console.log(`built/app.js: ${program.length} characters, ${packages.size} packages`);
