// The verifier's reactor module (docs/reactor-abi.md) for a JavaScript host.
// It needs WebAssembly, TextEncoder and an implementation of WASI preview 1.

const maxField = 64 * 1024;

const bearer = 1;
const basic = 2;

export class Verifier {
  #exports;
  #schemes = 0; // in which the Authorization field may carry a token
  #fields = new Set(); // other fields whose value may be a token, in lower case
  #accepted = bearer; // what the module accepts

  // wasi has imports, an object of functions, and initialize, which calls the
  // instance's _initialize. accept is a list of "bearer", "basic" and "header:NAME", or
  // one string with commas between them.
  static async load(bytes, wasi, { accept = "bearer" } = {}) {
    const { instance } = await WebAssembly.instantiate(bytes, { wasi_snapshot_preview1: wasi.imports });
    wasi.initialize(instance);
    return new Verifier(instance, { accept });
  }

  constructor(instance, { accept = "bearer" } = {}) {
    this.#exports = instance.exports;
    const version = this.#exports.abi_version();
    if (version !== 1) throw new Error(`the module has ABI version ${version}`);
    const places = String(accept).split(",").map((text) => text.trim());
    if (new Set(places.map(asciiLower)).size < places.length) throw new Error("accept has a place twice; write each once");
    for (const place of places) {
      const field = place.startsWith("header:") ? asciiLower(place.slice("header:".length)) : "";
      if (place === "bearer") this.#schemes |= bearer;
      else if (place === "basic") this.#schemes |= basic;
      else if (mayHaveToken(field)) this.#fields.add(field);
      else throw new Error("accept has a place that is unknown; use bearer, basic and header:NAME, such as header:X-API-Key");
    }
    if (this.#fields.size > 4) throw new Error("accept has more than four fields; name the ones that clients use");
    if (this.#schemes & basic && !this.#exports.accept) throw new Error("the module is too old for basic");
  }

  // configure takes the text of a keyring, a string or a Uint8Array of UTF-8, and
  // throws if it is refused: then everything is denied.
  configure(keyring) {
    const text = typeof keyring === "string" ? new TextEncoder().encode(keyring) : keyring;
    const at = this.#hand(text);
    const code = this.#exports.configure(at, text.length);
    if (code !== 0) throw new Error(`the keyring is refused: ${this.#text("last_error")}`);
  }

  // authorize decides on a request: the values of all its Authorization
  // fields, strings of a byte for each character or Uint8Arrays, and the
  // scopes that it needs.
  authorize(values, scopes = [], now = Math.floor(Date.now() / 1000)) {
    return this.authorizeFields(values.map((value) => ["authorization", value]), scopes, now);
  }

  // authorizeFields does so with all fields of a request, as lists of name and value.
  authorizeFields(fields, scopes = [], now = Math.floor(Date.now() / 1000)) {
    const { schemes, value } = this.#credential(fields);
    // A list that names no scope is a demand that nobody meets. Only an empty list
    // demands nothing.
    const needed = bytes(scopes.length > 0 ? scopes.join(" ") || " " : "");
    if (value.length > maxField || needed.length > maxField) return { status: 401, principal: "", scopes: "", key: "", reason: "malformed" };
    this.#accept(schemes);
    const both = new Uint8Array(value.length + needed.length);
    both.set(value);
    both.set(needed, value.length);
    const at = this.#hand(both);
    both.fill(0);
    const status = this.#exports.authorize(at, value.length, at + value.length, needed.length, BigInt(now));
    return {
      status,
      principal: this.#text("principal"),
      scopes: this.#text("scopes"),
      key: this.#text("key"),
      reason: this.#text("last_error"),
    };
  }

  // credential finds the one credential of a request. Nobody can say which of
  // several another program would read: a scheme without a token stands for
  // those, so that the module denies the request as malformed.
  #credential(fields) {
    const several = { schemes: bearer, value: bytes("Bearer") };
    const authorization = [];
    const tokens = [];
    const seen = new Set();
    for (const [name, text] of fields) {
      const lower = asciiLower(name);
      if (lower === "authorization" && this.#schemes !== 0) authorization.push(bytes(text));
      if (!this.#fields.has(lower)) continue;
      if (seen.has(lower)) return several;
      seen.add(lower);
      const token = trim(bytes(text));
      if (token.length > 0) tokens.push(token);
    }
    if (authorization.length > 1 || tokens.length > 1) return several;
    const value = authorization[0] ?? new Uint8Array();
    if (tokens.length === 0) return { schemes: this.#schemes || bearer, value };
    if (this.#hasScheme(value)) return several;
    const prefixed = new Uint8Array("Bearer ".length + tokens[0].length);
    prefixed.set(bytes("Bearer "));
    prefixed.set(tokens[0], "Bearer ".length);
    return { schemes: bearer, value: prefixed };
  }

  // hasScheme reports whether a value begins with a scheme that is accepted.
  #hasScheme(value) {
    const text = trim(value);
    const end = text.findIndex(isSpace);
    const scheme = String.fromCharCode(...text.subarray(0, end < 0 ? text.length : end).subarray(0, 8)).toLowerCase();
    return (scheme === "bearer" && (this.#schemes & bearer) !== 0) || (scheme === "basic" && (this.#schemes & basic) !== 0);
  }

  // accept makes the module accept these schemes for what comes next. A token in a
  // field needs Bearer, which a client must not be able to use in Authorization if it
  // is not accepted there.
  #accept(schemes) {
    if (this.#accepted === schemes) return;
    if (this.#exports.accept(schemes) !== 0) throw new Error(this.#text("last_error"));
    this.#accepted = schemes;
  }

  // hand copies bytes to a buffer of the module. alloc may have grown the
  // memory, which detaches the ArrayBuffer: memory.buffer is read after it.
  #hand(data) {
    const at = this.#exports.alloc(data.length) >>> 0;
    if (at === 0) throw new Error(`the module takes no ${data.length} bytes`);
    new Uint8Array(this.#exports.memory.buffer).set(data, at);
    return at;
  }

  // text calls an export that returns a text. Older modules do not have all of them.
  #text(name) {
    if (!this.#exports[name]) return "";
    const result = BigInt.asUintN(64, this.#exports[name]());
    const at = Number(result >> 32n);
    const length = Number(result & 0xffffffffn);
    return new TextDecoder().decode(new Uint8Array(this.#exports.memory.buffer, at, length));
  }
}

// bytes turns a string as HTTP libraries give them, a character for each
// byte, into bytes. Any other character becomes a NUL, which is in no field and in no
// scope: it must not be taken for the byte that its code ends with.
function bytes(text) {
  if (text instanceof Uint8Array) return text;
  return Uint8Array.from(text, (c) => (c.charCodeAt(0) < 256 ? c.charCodeAt(0) : 0));
}

// asciiLower leaves other letters as they are: the Kelvin sign is not a k.
const asciiLower = (name) => name.replace(/[A-Z]/g, (c) => c.toLowerCase());

// mayHaveToken reports whether a field, whose name is in lower case, can be one for
// tokens. The others mean something else to a proxy or to the service, or a log line may
// show them.
function mayHaveToken(name) {
  const reserved =
    /^((proxy-)?authorization|connection|content-length|content-type|cookie|expect|host|keep-alive|te|trailer|transfer-encoding|upgrade|via|forwarded|x-real-ip|x-request-id|x-auth-scope|x-(auth-request|forwarded|original)-.*)$/;
  return /^[a-z0-9_-]{1,64}$/.test(name) && !reserved.test(name.replaceAll("_", "-"));
}

const isSpace = (c) => c === 32 || c === 9;

function trim(data) {
  const start = data.findIndex((c) => !isSpace(c));
  return start < 0 ? data.subarray(0, 0) : data.subarray(start, data.findLastIndex((c) => !isSpace(c)) + 1);
}
