// Makes ordersite/static/ordersite/vendor/codemirror-6.min.js of what the lock file names, with everybody's licence.
// Its first line holds a digest of what it was made from, which a test compares; so nobody forgets to make it anew.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { build } from "esbuild";

const out = new URL("../ordersite/static/ordersite/vendor/codemirror-6.min.js", import.meta.url).pathname;
const digest = createHash("sha256");
for (const name of ["package-lock.json", "codemirror.mjs", "build.mjs"]) digest.update(readFileSync(name));

const made = await build({
  entryPoints: ["codemirror.mjs"],
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2020",
  charset: "utf8",
  legalComments: "none",
  metafile: true,
  write: false,
});
const packages = new Set();
for (const input of Object.keys(made.metafile.inputs)) {
  const found = /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input);
  if (found) packages.add(found[1]);
}
const licences = new Map();
for (const name of [...packages].sort()) {
  const folder = `node_modules/${name}`;
  const { version, license } = JSON.parse(readFileSync(`${folder}/package.json`, "utf8"));
  const file = readdirSync(folder).find((each) => /^licen[cs]e/i.test(each));
  const text = file ? readFileSync(`${folder}/${file}`, "utf8").trim() : `Licence: ${license}`;
  licences.set(text, [...(licences.get(text) ?? []), `${name} ${version}`]);
}
const notice = [...licences].map(([text, names]) => `${names.join(", ")}\n\n${text}`).join("\n\n---\n\n");
const head = `/*! made from ${digest.digest("hex")}\n\n${notice.replaceAll("*/", "* /")}\n*/\n`;
writeFileSync(out, head + made.outputFiles[0].text);
console.log(`${[...packages].length} packages, ${Math.round((head.length + made.outputFiles[0].text.length) / 1024)} kB: ${out}`);
