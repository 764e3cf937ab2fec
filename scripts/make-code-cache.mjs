import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname } from "node:path";
import { Script } from "node:vm";

// `node make-code-cache.mjs BUNDLE CACHE`, for scripts/build.mjs. The cache holds only functions that have run, so this runs the
// service, without an environment: it loads its modules, rejects the configuration and exits.

const [filename, cache] = process.argv.slice(2);
const source = readFileSync(filename, "utf8");
const script = new Script(source, { filename });
process.on("exit", () =>
  writeFileSync(cache, Buffer.concat([script.createCachedData(), Buffer.from(source.slice(-64))])),
);
const module = { exports: {} };
script.runInThisContext()(module.exports, createRequire(filename), module, filename, dirname(filename));
