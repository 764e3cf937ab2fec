import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { cruise } from "dependency-cruiser";
import extractTsConfig from "dependency-cruiser/config-utl/extract-ts-config";

// `npm run check:architecture`: checks the rules of .dependency-cruiser.cjs, including those that imports cannot show.

const root = dirname(dirname(fileURLToPath(import.meta.url)));
process.chdir(root);
const { confined, forbidden, options, pure } = createRequire(import.meta.url)(join(root, ".dependency-cruiser.cjs"));

/**
 * If dependency-cruiser cannot load the installed TypeScript, it sees no modules, reports no violations and exits with 0.
 */
const fewestModules = 30;

/** Effects that need no import: clock, randomness, process, network. */
const acting =
  /\b(fetch\(|process\.|console\.|Date\.now\b|new Date\(\)|Math\.random\b|crypto\.|setTimeout\b|setInterval\b|setImmediate\b|performance\.)/;

const folders = ["libs", "services", "e2e", "bench", "scripts"].filter((folder) => existsSync(folder));
const { output } = await cruise(
  folders,
  { ...options, validate: true, ruleSet: { forbidden } },
  options.enhancedResolveOptions,
  { tsConfig: extractTsConfig(options.tsConfig.fileName) },
);
const paths = output.modules.map((module) => module.source);
const seen = paths.filter((path) => /^[^.].*\.ts$/.test(path) && !/node_modules/.test(path));
const pureFiles = seen.filter((path) => matches(path, pure.path) && !matches(path, pure.pathNot));

const faults = output.summary.violations.map(({ rule, from, to }) => `${rule.name}: ${from} → ${to}`);
if (seen.length <= fewestModules) faults.push(`only ${seen.length} modules were seen: the check does not work`);

// A rule whose files have moved checks nothing, so a path that matches no file is a fault.
for (const { name, from, to } of forbidden) {
  for (const pattern of [from.path, from.pathNot, to.path, to.pathNot].flat()) failIfDead(name, pattern);
}
for (const { name, within, only } of confined) for (const pattern of [within, ...only]) failIfDead(name, pattern);

failOnText("pure-does-not-act", pureFiles, acting);
for (const { name, text, within, only } of confined) {
  failOnText(
    name,
    seen.filter((path) => matches(path, [within]) && /\/src\/.*(?<!\.test)\.ts$/.test(path) && !matches(path, only)),
    text,
  );
}

// npm links every workspace, so an import of one of our packages works here even if it is not declared.
for (const { source, dependencies } of output.modules) {
  const [folder] = /^(libs|services)\/[^/]+(?=\/src\/)/.exec(source) ?? [];
  if (folder === undefined || source.endsWith(".test.ts")) continue;
  const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  // A service's bundle contains its devDependencies: see scripts/build.mjs.
  const declared = { ...manifest.dependencies, ...(folder.startsWith("services/") && manifest.devDependencies) };
  for (const { module } of dependencies) {
    const [name] = /^@boocode\/[^/]+/.exec(module) ?? [];
    if (name && !(name in declared)) faults.push(`only-declared-packages: ${source} → ${name}`);
  }
}

for (const fault of faults) console.error(fault);
console.log(
  `architecture: ${seen.length} modules (${pureFiles.length} pure), ${forbidden.length + confined.length} rules, ${faults.length} faults`,
);
process.exitCode = faults.length > 0 ? 1 : 0;

function matches(path, patterns) {
  return [patterns].flat().some((pattern) => new RegExp(pattern).test(path));
}

/** Every alternative of the pattern must match a module; `$1` stands for any name. */
function failIfDead(rule, pattern) {
  if (pattern === undefined) return;
  for (const alternative of alternatives(pattern.replaceAll("$1", "[^/]+"))) {
    if (!paths.some((path) => matches(path, alternative))) faults.push(`${rule}: no file matches ${alternative}`);
  }
}

/** @returns the pattern once for each alternative of its innermost groups: a(b|c)d → abd, acd */
function alternatives(pattern) {
  const group = /\((?:\?:)?([^()]*\|[^()]*)\)/.exec(pattern);
  if (!group) return [pattern];
  const [before, after] = [pattern.slice(0, group.index), pattern.slice(group.index + group[0].length)];
  return group[1].split("|").flatMap((choice) => alternatives(before + choice + after));
}

function failOnText(rule, files, forbiddenText) {
  for (const path of files) {
    const lines = readFileSync(path, "utf8").split("\n");
    lines.forEach((line, index) => {
      const code = line.replace(/^\s*(\/\/|\*|\/\*).*/, "");
      if (forbiddenText.test(code)) faults.push(`${rule}: ${path}:${index + 1} ${line.trim()}`);
    });
  }
}
