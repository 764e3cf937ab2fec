import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { basename, dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

// `npm run build`: bundles every program into `dist/<name>/main.mjs`. One file starts in half the time of its 700 modules.

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/**
 * By name: where the program starts, and the folder of its manifest, whose `dependencies` are not bundled but installed, also those
 * that only our libs import.
 */
const programs = {
  api: { entry: "services/api/src/main.ts", manifest: "services/api" },
  gateway: { entry: "services/gateway/src/main.ts", manifest: "services/gateway" },
  worker: { entry: "services/worker/src/main.ts", manifest: "services/worker" },
  "scripted-model": { entry: "libs/scripted-model/src/main.ts" },
  admin: { entry: "scripts/admin/main.ts" },
  migrate: { entry: "scripts/migrate.ts" },
};

/** Files that our code reads from its own folder, as in `new URL("append-frame.lua", import.meta.url)`. */
const assets = new Set([".lua", ".mjs"]);

/** The variables that CommonJS packages expect and ES modules lack. */
const commonJs = `import { createRequire as createRequire_ } from "node:module";
import { dirname as dirname_ } from "node:path";
import { fileURLToPath as fileURLToPath_ } from "node:url";
const require = createRequire_(import.meta.url);
const __filename = fileURLToPath_(import.meta.url);
const __dirname = dirname_(__filename);`;

await Promise.all(Object.entries(programs).map(([name, program]) => bundle(program, join(root, "dist", name))));

async function bundle({ entry, manifest }, folder) {
  const { dependencies = {} } = manifest ? JSON.parse(readFileSync(join(root, manifest, "package.json"), "utf8")) : {};
  const { metafile, outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: [entry],
    outfile: join(folder, "main.mjs"),
    bundle: true,
    platform: "node",
    // The oldest Node in package.json's `engines`.
    target: "node20.19",
    format: "esm",
    banner: { js: commonJs },
    external: Object.keys(dependencies),
    metafile: true,
    write: false,
    logLevel: "warning",
  });
  mkdirSync(folder, { recursive: true });
  for (const { path, contents } of outputFiles) replace(path, contents);
  const ours = Object.keys(metafile.inputs).filter((path) => /^(libs|services)\//.test(path));
  for (const source of new Set(ours.map((path) => dirname(path)))) {
    for (const name of readdirSync(join(root, source))) {
      if (assets.has(extname(name))) replace(join(folder, basename(name)), readFileSync(join(root, source, name)));
    }
  }
}

/** Replaces the file atomically, because a program may be starting from it. */
function replace(path, contents) {
  const unfinished = `${path}.${process.pid}`;
  writeFileSync(unfinished, contents);
  renameSync(unfinished, path);
}
