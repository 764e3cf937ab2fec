import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { basename, dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { build } from "esbuild";

// `npm run build`: bundles every program into `dist/<name>/main.mjs`. One file starts in half the time of its 700 modules.
// The services' bundles have a code cache, see run-bundle.mjs.

const run = promisify(execFile);
const root = dirname(dirname(fileURLToPath(import.meta.url)));

/**
 * By name: where the program starts; the folder of a service's manifest, whose `dependencies` are not bundled but installed, also
 * those that only our libs import; and the list of Node's flags with which the program runs, as V8 rejects the code cache under others.
 */
const programs = {
  api: { entry: "services/api/src/main.ts", manifest: "services/api" },
  gateway: { entry: "services/gateway/src/main.ts", manifest: "services/gateway" },
  worker: { entry: "services/worker/src/main.ts", manifest: "services/worker" },
  "api/tool-process": toolProcess("services/api"),
  "worker/tool-process": toolProcess("services/worker"),
  "scripted-model": { entry: "libs/scripted-model/src/main.ts" },
  admin: { entry: "scripts/admin/main.ts" },
  migrate: { entry: "scripts/migrate.ts" },
};

function toolProcess(manifest) {
  const flags = "libs/project-tools/src/pool/process-flags.json";
  return { entry: "libs/project-tools/src/host/main.ts", manifest, flags };
}

/** Files that our code reads from its own folder, as in `new URL("append-frame.lua", import.meta.url)`. */
const assets = new Set([".lua", ".mjs"]);

/** The variables that CommonJS packages expect and ES modules lack. */
const commonJs = `import { createRequire as createRequire_ } from "node:module";
import { dirname as dirname_ } from "node:path";
import { fileURLToPath as fileURLToPath_ } from "node:url";
const require = createRequire_(import.meta.url);
const __filename = fileURLToPath_(import.meta.url);
const __dirname = dirname_(__filename);`;

/** A bundle with a code cache is one function, because V8 caches no ES modules. esbuild has no `import.meta` in this format. */
const cached = {
  format: "cjs",
  define: { "import.meta.url": "importMetaUrl_" },
  // As `require`: what V8 takes from a cache has lost how its script imports (ERR_VM_DYNAMIC_IMPORT_CALLBACK_MISSING).
  supported: { "dynamic-import": false },
  banner: {
    js: `(function (exports, require, module, __filename, __dirname) { "use strict";
const importMetaUrl_ = require("node:url").pathToFileURL(__filename).href;`,
  },
  footer: { js: "})" },
};

/** zod exports its messages in all languages, 359 KB; we use the English ones. */
const englishOnly = {
  name: "english-only",
  setup({ onLoad }) {
    onLoad({ filter: /\/zod\/v4\/locales\/index\.js$/ }, () => ({
      contents: 'export { default as en } from "./en.js";',
    }));
  },
};

await Promise.all(Object.entries(programs).map(([name, program]) => bundle(program, join(root, "dist", name))));

async function bundle({ entry, manifest, flags }, folder) {
  const { dependencies = {} } = manifest ? readJson(`${manifest}/package.json`) : {};
  const { metafile, outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: [entry],
    outfile: join(folder, manifest ? "bundle.js" : "main.mjs"),
    bundle: true,
    platform: "node",
    // The oldest Node in package.json's `engines`.
    target: "node20.19",
    ...(manifest ? cached : { format: "esm", banner: { js: commonJs } }),
    external: Object.keys(dependencies),
    plugins: [englishOnly],
    metafile: true,
    write: false,
    logLevel: "warning",
  });
  mkdirSync(folder, { recursive: true });
  const ours = Object.keys(metafile.inputs).filter((path) => /^(libs|services)\//.test(path));
  for (const source of new Set(ours.map((path) => dirname(path)))) {
    for (const name of readdirSync(join(root, source))) {
      if (assets.has(extname(name))) replace(join(folder, basename(name)), readFileSync(join(root, source, name)));
    }
  }
  const [{ path, contents, text }] = outputFiles;
  if (manifest) await writeCached(folder, path, Buffer.from(toAscii(text)), flags ? readJson(flags) : []);
  else replace(path, contents);
}

/**
 * V8 keeps the source of a program, with two bytes for each character if any is not Latin-1. In strings esbuild escapes those; in
 * regular expressions and comments it does not.
 */
function toAscii(text) {
  return text.replace(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

async function writeCached(folder, path, contents, flags) {
  replace(path, `${Buffer.from(contents)}// ${createHash("sha256").update(contents).digest("hex")}`);
  const cache = join(folder, `bundle.cache.${process.pid}`);
  const made = await run(process.execPath, [...flags, join(root, "scripts", "make-code-cache.mjs"), path, cache], {
    env: {},
    timeout: 60_000,
  }).catch((error) => error);
  if (!/^(the environment is invalid|a service starts this program)/.test(made.stderr))
    throw new Error(`${path} does not load:\n${made.stderr}`);
  renameSync(cache, join(folder, "bundle.cache"));
  replace(join(folder, "main.mjs"), readFileSync(join(root, "scripts", "run-bundle.mjs")));
}

function readJson(path) {
  return JSON.parse(readFileSync(join(root, path), "utf8"));
}

/** Replaces the file atomically, because a program may be starting from it. */
function replace(path, contents) {
  const unfinished = `${path}.${process.pid}`;
  writeFileSync(unfinished, contents);
  renameSync(unfinished, path);
}
