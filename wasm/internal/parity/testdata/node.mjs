// Answers cases from standard input, one JSON value a line, by the reactor:
// node node.mjs VERIFIER WASI MODULE node|minimal

import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const [verifierFile, wasiFile, moduleFile, kind] = process.argv.slice(2);
const { Verifier } = await import(pathToFileURL(verifierFile));
const module = await readFile(moduleFile);

let calls = 0;
const counting = (imports) =>
  Object.fromEntries(Object.entries(imports).map(([name, f]) => [name, (...a) => (calls++, f(...a))]));

async function load(accept) {
  if (kind === "minimal") {
    const wasi = (await import(pathToFileURL(wasiFile))).minimalWASI();
    return Verifier.load(module, { imports: counting(wasi.imports), initialize: wasi.initialize }, { accept });
  }
  const { WASI } = await import("node:wasi");
  const wasi = new WASI({ version: "preview1" });
  return Verifier.load(module, { imports: counting(wasi.wasiImport), initialize: (i) => wasi.initialize(i) }, { accept });
}

const verifiers = new Map();
for await (const line of createInterface({ input: process.stdin })) {
  const c = JSON.parse(line);
  let verifier = verifiers.get(c.configuration);
  if (!verifier) {
    verifiers.set(c.configuration, (verifier = await load(c.accept)));
    if (c.keyring !== null) {
      try {
        verifier.configure(Buffer.from(c.keyring, "base64"));
      } catch {
        // It is refused, and the verdict tells.
      }
    }
  }
  const before = calls;
  // The largest numbers are no JavaScript numbers, so that they are strings; no bytes are null.
  const bytes = (text) => Buffer.from(text ?? "", "base64");
  const fields = c.fields.map(([name, value]) => [bytes(name).toString("latin1"), new Uint8Array(bytes(value))]);
  const o = verifier.authorizeFields(fields, c.scopes.map((s) => bytes(s).toString("latin1")), BigInt(c.now));
  console.log(JSON.stringify({ ...o, calls: calls - before }));
}
