// The least of WASI preview 1 that the reactor needs, for browsers and edge
// runtimes that have none: randomness, a clock, and somewhere to put what a Go
// program that ends has to say. All else does not exist.

const success = 0;
const badFile = 8;
const notSupported = 52;

export function minimalWASI(log = console.error) {
  let memory;
  const view = () => new DataView(memory.buffer); // anew each time: memory may have grown
  const none = (count, size) => {
    view().setUint32(count >>> 0, 0, true);
    view().setUint32(size >>> 0, 0, true);
    return success;
  };
  const imports = {
    random_get(at, size) {
      const bytes = new Uint8Array(memory.buffer, at >>> 0, size >>> 0);
      for (let i = 0; i < bytes.length; i += 65536) crypto.getRandomValues(bytes.subarray(i, i + 65536));
      return success;
    },
    clock_time_get(_clock, _precision, at) {
      view().setBigUint64(at >>> 0, BigInt(Date.now()) * 1_000_000n, true);
      return success;
    },
    args_sizes_get: none,
    args_get: () => success,
    environ_sizes_get: none,
    environ_get: () => success,
    fd_write(_fd, vectors, count, written) {
      let text = "";
      let total = 0;
      for (let i = 0; i < count; i++) {
        const at = view().getUint32((vectors >>> 0) + 8 * i, true);
        const length = view().getUint32((vectors >>> 0) + 8 * i + 4, true);
        text += new TextDecoder().decode(new Uint8Array(memory.buffer, at, length));
        total += length;
      }
      view().setUint32(written >>> 0, total, true);
      log(text);
      return success;
    },
    proc_exit(code) {
      throw new Error(`the module ended with status ${code}`);
    },
    sched_yield: () => success,
    fd_prestat_get: () => badFile, // no directory is open
    fd_prestat_dir_name: () => badFile,
    fd_fdstat_get: () => badFile,
    fd_fdstat_set_flags: () => badFile,
    fd_close: () => badFile,
    fd_read: () => badFile,
    poll_oneoff: () => notSupported,
  };
  return {
    imports,
    initialize(instance) {
      memory = instance.exports.memory;
      instance.exports._initialize();
    },
  };
}
