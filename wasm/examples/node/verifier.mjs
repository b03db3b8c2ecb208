// The verifier's reactor module (docs/reactor-abi.md) for a JavaScript host.
// It needs WebAssembly, TextEncoder and an implementation of WASI preview 1.

const maxField = 64 * 1024;

export class Verifier {
  #exports;

  // wasi has imports, an object of functions, and initialize, which calls the
  // instance's _initialize.
  static async load(bytes, wasi) {
    const { instance } = await WebAssembly.instantiate(bytes, { wasi_snapshot_preview1: wasi.imports });
    wasi.initialize(instance);
    return new Verifier(instance);
  }

  constructor(instance) {
    this.#exports = instance.exports;
    const version = this.#exports.abi_version();
    if (version !== 1) throw new Error(`the module has ABI version ${version}`);
  }

  // configure takes the text of a keyring, and throws if it is refused: then
  // everything is denied.
  configure(keyring) {
    const text = bytes(keyring);
    const at = this.#hand(text);
    const code = this.#exports.configure(at, text.length);
    if (code !== 0) throw new Error(`the keyring is refused: ${this.#text("last_error")}`);
  }

  // authorize decides on a request: the values of all its Authorization
  // fields, strings of a byte for each character or Uint8Arrays, and the
  // scopes that it needs.
  authorize(fields, scopes = [], now = Math.floor(Date.now() / 1000)) {
    // Nobody can say which of several another program would read.
    if (fields.length > 1) return { status: 401, principal: "", reason: "malformed" };
    const value = bytes(fields[0] ?? "");
    // A list that names no scope is a demand that nobody meets. Only an empty list
    // demands nothing.
    const needed = bytes(scopes.length > 0 ? scopes.join(" ") || " " : "");
    if (value.length > maxField || needed.length > maxField) return { status: 401, principal: "", reason: "malformed" };
    const both = new Uint8Array(value.length + needed.length);
    both.set(value);
    both.set(needed, value.length);
    const at = this.#hand(both);
    both.fill(0);
    const status = this.#exports.authorize(at, value.length, at + value.length, needed.length, BigInt(now));
    return { status, principal: this.#text("principal"), reason: this.#text("last_error") };
  }

  // hand copies bytes to a buffer of the module. alloc may have grown the
  // memory, which detaches the ArrayBuffer: memory.buffer is read after it.
  #hand(data) {
    const at = this.#exports.alloc(data.length) >>> 0;
    if (at === 0) throw new Error(`the module takes no ${data.length} bytes`);
    new Uint8Array(this.#exports.memory.buffer).set(data, at);
    return at;
  }

  #text(name) {
    const result = BigInt.asUintN(64, this.#exports[name]());
    const at = Number(result >> 32n);
    const length = Number(result & 0xffffffffn);
    return new TextDecoder().decode(new Uint8Array(this.#exports.memory.buffer, at, length));
  }
}

// bytes turns a string as HTTP libraries give them, a character for each
// byte, into bytes.
function bytes(text) {
  if (text instanceof Uint8Array) return text;
  return Uint8Array.from(text, (c) => c.charCodeAt(0));
}
