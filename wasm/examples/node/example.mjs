// node example.mjs auth-service-reactor.wasm [minimal]

import { readFile } from "node:fs/promises";
import { WASI } from "node:wasi";
import { Verifier } from "./verifier.mjs";
import { minimalWASI } from "./wasi.mjs";

const [file, kind] = process.argv.slice(2);

function nodeWASI() {
  const wasi = new WASI({ version: "preview1" }); // no arguments, environment or directories
  return { imports: wasi.wasiImport, initialize: (instance) => wasi.initialize(instance) };
}

const wasi = kind === "minimal" ? minimalWASI() : nodeWASI();
const verifier = await Verifier.load(await readFile(file), wasi);

// printf %s my-development-token-32-chars-min | sha256sum
verifier.configure("ci sha256:452dcec5b0c843e39400efb152683b75968eac236432a7773415c13585233736 scope=metrics\n");

for (const [fields, scopes] of [
  [["Bearer my-development-token-32-chars-min"], ["metrics"]],
  [["Bearer my-development-token-32-chars-min"], ["deploy"]],
  [["Bearer my-development-token-32-chars-min"], [""]],
  [["Bearer another-token"], []],
  [["Bearer a", "Bearer b"], []],
  [[], []],
]) {
  const { status, principal, reason } = verifier.authorize(fields, scopes);
  console.log(status, principal || reason);
}

// A token may also come as the password of Basic, or in a field of its own, if the
// host accepts it there.
const other = kind === "minimal" ? minimalWASI() : nodeWASI();
const wide = await Verifier.load(await readFile(file), other, { accept: ["basic", "header:X-API-Key"] });
wide.configure("ci sha256:452dcec5b0c843e39400efb152683b75968eac236432a7773415c13585233736 scope=metrics\n");

const token = "my-development-token-32-chars-min";
const password = ["Authorization", `Basic ${btoa(`ci:${token}`)}`];
for (const fields of [
  [password],
  [["X-API-Key", token]],
  [password, ["X-API-Key", token]],
  [["Authorization", `Bearer ${token}`]],
]) {
  const { status, principal, reason } = wide.authorizeFields(fields, ["metrics"]);
  console.log(status, principal || reason);
}
