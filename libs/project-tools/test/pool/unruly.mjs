import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";

// A tool process that does what the call's name says, or the path of what is read.

const held = [];
const acts = {
  answer: ({ value }) => String(value),
  allocate() {
    // A gigabyte, in a loop that gives nothing else a turn.
    while (held.length < 128) held.push(Buffer.alloc(8 * 2 ** 20, 1));
    return "allocated";
  },
  fillHeap() {
    for (;;) held.push(Array.from({ length: 10_000 }, (_, index) => ({ index })));
  },
  spin() {
    for (;;);
  },
  exit: () => process.exit(3),
  tell: () => JSON.stringify({ pid: process.pid, env: process.env, flags: process.execArgv }),
  search({ file }) {
    const { pid } = spawn("sleep", ["1000"], { stdio: "ignore" });
    writeFileSync(file, `${process.pid} ${pid}`);
  },
  keep({ megabytes }) {
    held.push(Buffer.alloc(megabytes * 2 ** 20, 1));
    // Long enough to be seen.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
    return process.pid;
  },
  wait() {},
};

process.on("message", (message) => {
  if ("settings" in message) {
    process.send("ready");
    return;
  }
  if (message.read) {
    if (acts[message.read.path]({})) process.send({ read: { refused: "missing" }, defect: null });
    return;
  }
  const { id, name, arguments: args } = message.call;
  const output = acts[name](args)?.toString();
  const result = { tool_call_id: id, name, truncated: false, error: null };
  if (output !== undefined) process.send({ outcome: { output, result }, defect: null });
});
