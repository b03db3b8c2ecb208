// Asks the reactor with strings that have characters of more than a byte:
// node text.mjs VERIFIER WASI MODULE

import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";

const [verifierFile, wasiFile, moduleFile] = process.argv.slice(2);
const { Verifier } = await import(pathToFileURL(verifierFile));
const { minimalWASI } = await import(pathToFileURL(wasiFile));
const verifier = await Verifier.load(await readFile(moduleFile), minimalWASI());

const credential = (token) => "sha256:" + createHash("sha256").update(token).digest("hex");
// The code of \u010a ends with that of a line feed.
verifier.configure(`# f\u00fcr Grafana, 1 \u20ac\n# \u010aeve ${credential("comment")}\nci ${credential("token")} scope=metrics\n`);

for (const [value, scopes] of [
  ["Bearer token", ["metrics"]],
  ["Bearer comment", []],
  ["Bearer \u0174oken", []],
  ["\u0142earer token", []],
  ["Bearer token", ["\u016detrics"]],
]) {
  console.log(verifier.authorize([value], scopes).status);
}
