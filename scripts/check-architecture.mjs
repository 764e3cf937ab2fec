import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { cruise } from "dependency-cruiser";
import extractTsConfig from "dependency-cruiser/config-utl/extract-ts-config";

// `npm run check:architecture`: who may import whom, from .dependency-cruiser.cjs, and what pure code may not touch.

const root = dirname(dirname(fileURLToPath(import.meta.url)));
process.chdir(root);
const { forbidden, options } = createRequire(import.meta.url)(join(root, ".dependency-cruiser.cjs"));

/** With a TypeScript that it cannot load, dependency-cruiser sees no module, finds no fault and exits with 0. */
const fewestModules = 30;

/** What acts on the world without an import: the clock, chance, the process, the network. */
const acting =
  /\b(fetch\(|process\.|Date\.now\(|new Date\(\)|Math\.random\(|crypto\.|setTimeout\(|setInterval\(|setImmediate\(|performance\.)/;

const folders = ["libs", "services", "e2e", "bench", "scripts"].filter((folder) => existsSync(folder));
const { modules } = await run({ ...options });
const seen = modules
  .map((module) => module.source)
  .filter((path) => /^[^.].*\.ts$/.test(path) && !/node_modules/.test(path));
const pureRooms = forbidden.find((rule) => rule.name.startsWith("pure-")).from.path;
const isPure = (path) =>
  !path.endsWith(".test.ts") && (isMarked(path) || pureRooms.some((room) => new RegExp(room).test(path)));
const pureFiles = seen.filter(isPure);
const exactly = pureFiles.map((path) => `^${path.replaceAll(".", "\\.")}$`);
const rules = forbidden.map((rule) =>
  rule.name.startsWith("pure-") ? { ...rule, from: { ...rule.from, path: [...pureRooms, ...exactly] } } : rule,
);
const { summary } = await run({ ...options, validate: true, ruleSet: { forbidden: rules } });

const faults = summary.violations.map(({ rule, from, to }) => `${rule.name}: ${from} → ${to}`);
for (const path of pureFiles) {
  const lines = readFileSync(path, "utf8").split("\n");
  lines.forEach((line, index) => {
    const code = line.replace(/^\s*(\/\/|\*|\/\*).*/, "");
    if (acting.test(code)) faults.push(`pure-does-not-act: ${path}:${index + 1} ${line.trim()}`);
  });
}
// npm links every workspace for everybody, so an import of our own package that is not declared works here all the same.
for (const { source, dependencies } of modules) {
  const [folder] = /^(libs|services)\/[^/]+(?=\/src\/)/.exec(source) ?? [];
  if (folder === undefined || source.endsWith(".test.ts")) continue;
  const declared = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")).dependencies ?? {};
  for (const { module } of dependencies) {
    const [name] = /^@boocode\/[^/]+/.exec(module) ?? [];
    if (name && !(name in declared)) faults.push(`only-declared-packages: ${source} → ${name}`);
  }
}
if (seen.length <= fewestModules) faults.push(`only ${seen.length} modules were seen: the check does not work`);

for (const fault of faults) console.error(fault);
console.log(
  `architecture: ${seen.length} modules (${pureFiles.length} pure), ${rules.length} rules, ${faults.length} faults`,
);
process.exitCode = faults.length > 0 ? 1 : 0;

async function run(cruiseOptions) {
  const { output } = await cruise(folders, cruiseOptions, cruiseOptions.enhancedResolveOptions, {
    tsConfig: extractTsConfig(options.tsConfig.fileName),
  });
  return output;
}

/** A file outside the rooms that are pure as a whole says so in its first line. */
function isMarked(path) {
  return readFileSync(path, "utf8").startsWith("// PURE");
}
