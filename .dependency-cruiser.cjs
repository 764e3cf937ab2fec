// Which files may import which. scripts/check-architecture.mjs runs these rules, and fails on a rule whose patterns match no
// file, because such a rule would check nothing.

const { existsSync, readdirSync, readFileSync } = require("node:fs");
const { join } = require("node:path");

/**
 * What each package, and each folder directly under a service's `src`, may import of our own code besides itself. What is not
 * listed is forbidden, even where npm hoists it. No row lists backing-services, local-stack or
 * scripted-model: only tests, scripts and benchmarks use them. In the worker, model and outputs may import the turn, but not
 * each other.
 */
const mayImport = {
  "libs/backing-services": ["libs/runtime"],
  "libs/client": ["libs/contracts"],
  "libs/contracts": [],
  "libs/frame-log": ["libs/contracts"],
  "libs/identity": ["libs/contracts", "libs/frame-log", "libs/runtime", "libs/store"],
  "libs/limits": ["libs/contracts"],
  "libs/local-stack": [],
  "libs/model-servers": [],
  "libs/project-tools": ["libs/contracts", "libs/runtime"],
  "libs/runtime": ["libs/contracts"],
  "libs/scripted-model": [],
  "libs/store": ["libs/contracts"],
  "libs/turn-queue": ["libs/contracts"],
  "libs/announce": ["libs/frame-log", "libs/store", "libs/turn-queue"],
  "services/api": [
    "libs/announce",
    "libs/contracts",
    "libs/frame-log",
    "libs/identity",
    "libs/limits",
    "libs/model-servers",
    "libs/project-tools",
    "libs/runtime",
    "libs/store",
    "libs/turn-queue",
  ],
  "services/api/src/routes": [
    "libs/contracts",
    "libs/identity",
    "libs/limits",
    "libs/project-tools/src/citations",
    "libs/store",
    "services/api/src/answers.ts",
    "services/api/src/deps.ts",
    "services/api/src/errors.ts",
    "services/api/src/accept-turn.ts",
    "services/api/src/check-model.ts",
    "services/api/src/held-wait.ts",
    "services/api/src/issue-token.ts",
    "services/api/src/read-project.ts",
    "services/api/src/session-markdown.ts",
    "services/api/src/stream-export.ts",
    "services/api/src/usage-report.ts",
  ],
  "services/gateway": [
    "libs/contracts",
    "libs/frame-log",
    "libs/identity",
    "libs/limits",
    "libs/runtime",
    "libs/store",
  ],
  "services/gateway/src/connections": [
    "services/gateway/src/topics",
    "services/gateway/src/transports",
    "libs/contracts",
    "libs/identity",
    "libs/limits",
  ],
  "services/gateway/src/joining": ["libs/contracts", "libs/frame-log", "libs/store"],
  "services/gateway/src/topics": [
    "services/gateway/src/joining",
    "services/gateway/src/transports",
    "libs/contracts",
    "libs/frame-log",
    "libs/store",
  ],
  "services/gateway/src/transports": ["libs/contracts"],
  "services/worker": [
    "libs/announce",
    "libs/contracts",
    "libs/frame-log",
    "libs/identity",
    "libs/limits",
    "libs/model-servers",
    "libs/project-tools",
    "libs/runtime",
    "libs/store",
    "libs/turn-queue",
  ],
  "services/worker/src/turn": ["libs/contracts", "libs/project-tools/src/ports.ts"],
  "services/worker/src/model": [
    "services/worker/src/turn",
    "libs/contracts",
    "libs/model-servers",
    "libs/project-tools/src/calls",
    "libs/project-tools/src/ports.ts",
    "libs/runtime",
  ],
  "services/worker/src/outputs": [
    "services/worker/src/turn",
    "libs/contracts",
    "libs/frame-log",
    "libs/runtime",
    "libs/store",
  ],
  "services/worker/src/attempt": [
    "services/worker/src/turn",
    "services/worker/src/model",
    "services/worker/src/outputs",
    "libs/announce",
    "libs/contracts",
    "libs/frame-log",
    "libs/identity",
    "libs/limits",
    "libs/project-tools",
    "libs/runtime",
    "libs/store",
  ],
};

/** Folders that are pure as a whole. Elsewhere a pure file has `// PURE` as its first line. */
const pureFolders = [
  "libs/contracts/src",
  "libs/project-tools/src/calls",
  "services/worker/src/model/decode",
  "services/worker/src/model/encode",
  "services/worker/src/model/failures",
  "services/worker/src/turn",
];

/** The packages that pure code may use: they compute and do nothing else. */
const purePackages = ["zod", "eventsource-parser"];

/** Text that belongs into few files, where imports cannot show it. */
const confined = [
  {
    name: "main-opens-connections",
    comment: "everything else is given its connections, so that what a process holds is read in one place",
    text: /\bconnect(Postgres|Redis\w*)\(/,
    within: "^services/",
    only: ["^services/[^/]+/src/main\\.ts$", "^services/worker/src/wire-turns\\.ts$"],
  },
  {
    name: "config-reads-the-environment",
    text: /\bprocess\.env\b/,
    within: "^services/",
    only: ["^services/[^/]+/src/main\\.ts$", "^services/[^/]+/src/config\\.ts$"],
  },
  {
    name: "store-holds-the-sql",
    comment: "`select 1` asks whether Postgres answers",
    text: /\b(sql|tx|pool|db)(<[^`]*>)?`(?!select 1`)/,
    within: "^(libs|services)/",
    only: [
      "^libs/store/",
      "^libs/backing-services/",
      "^libs/runtime/src/migrate/",
      "^libs/runtime/src/postgres/excess-rights\\.ts$",
    ],
  },
];

const packages = ["libs", "services"]
  .flatMap(foldersIn)
  .filter((folder) => existsSync(join(__dirname, folder, "package.json")));
const rooms = packages.filter((path) => path.startsWith("services/")).flatMap((service) => foldersIn(`${service}/src`));
const pureFiles = [...packages.map((folder) => `${folder}/src`), "e2e"].flatMap((folder) =>
  readdirSync(join(__dirname, folder), { recursive: true })
    .map((path) => `${folder}/${path}`)
    .filter((path) => path.endsWith(".ts") && !path.includes("node_modules"))
    .filter((path) => readFileSync(join(__dirname, path), "utf8").startsWith("// PURE")),
);

const rowless = [...packages, ...rooms].filter((folder) => !(folder in mayImport));
if (rowless.length > 0) throw new Error(`no row in mayImport of .dependency-cruiser.cjs: ${rowless.join(", ")}`);

const ours = "^(libs|services|e2e|bench|scripts)/";
const test = "\\.test\\.ts$";
const pure = [...pureFolders.map(within), ...pureFiles.map(within)];

module.exports = {
  confined,
  pure: { path: pure, pathNot: test },
  forbidden: [
    { name: "no-cycles", severity: "error", from: { path: ours }, to: { circular: true } },
    { name: "nothing-unresolved", severity: "error", from: { path: ours }, to: { couldNotResolve: true } },
    {
      name: "only-declared-packages",
      comment: "npm hoists: an import that package.json does not name works here and breaks elsewhere",
      severity: "error",
      // Tests may use what the root declares for all of them.
      from: { path: "^(libs|services)/[^/]+/src/", pathNot: [test, "^libs/backing-services/"] },
      to: { dependencyTypes: ["npm-no-pkg", "npm-unknown"] },
    },
    ...Object.entries(mayImport).map(([folder, others]) => ({
      name: `${folder}-imports-only-its-own`,
      comment: `${folder} may import ${others.join(", ") || "nothing else of ours"}`,
      severity: "error",
      from: { path: within(packages.includes(folder) ? `${folder}/src` : folder), pathNot: test },
      to: { path: ours, pathNot: [folder, ...others].map(within) },
    })),
    {
      name: "libs-never-import-services",
      severity: "error",
      from: { path: "^libs/" },
      to: { path: "^services/" },
    },
    {
      name: "services-never-import-each-other",
      severity: "error",
      from: { path: "^services/([^/]+)/" },
      to: { path: "^services/", pathNot: "^services/$1/" },
    },
    {
      name: "packages-are-entered-by-their-name",
      comment: "a path into another package's folder goes around its exports and its package.json",
      severity: "error",
      from: { path: "^((?:libs|services)/[^/]+)/" },
      to: {
        path: "^(libs|services)/",
        pathNot: "^$1/",
        dependencyTypes: ["local"],
        dependencyTypesNot: ["aliased-workspace"],
      },
    },
    {
      name: "nobody-imports-main",
      comment: "main wires and starts; importing it would start things",
      severity: "error",
      from: {},
      to: { path: "^(libs|services)/[^/]+/src/main\\.ts$" },
    },
    {
      name: "only-the-entry-imports-process-turn-and-consume-turns",
      comment: "turn ← model, outputs ← attempt ← consume-turns ← main",
      severity: "error",
      from: {
        path: "^services/worker/src/",
        pathNot: [test, "^services/worker/src/(main|run-isolated-turn|wire-turns)\\.ts$"],
      },
      to: { path: "^services/worker/src/(attempt/process-turn|consume-turns)\\.ts$" },
    },
    {
      name: "pure-imports-only-pure",
      comment:
        "pure code is given the clock, ids and results; it knows no Node module, no database, no Redis and no HTTP",
      severity: "error",
      from: { path: pure, pathNot: test },
      to: {
        pathNot: [...pure, ...purePackages.map((name) => `node_modules/${name}/`)],
        dependencyTypesNot: ["type-only"],
      },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    // Left in older checkouts by the compiler, before the programs were bundled into the root's `dist`.
    exclude: { path: "^(libs|services)/[^/]+/dist/" },
    combinedDependencies: false,
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["import", "require", "node", "default", "types"],
      extensions: [".ts", ".mjs", ".cjs", ".js", ".json", ".d.ts"],
    },
  },
};

/** The pattern of a file, or of what lies in a folder. */
function within(path) {
  return `^${path.replaceAll(".", "\\.")}${path.endsWith(".ts") ? "$" : "/"}`;
}

function foldersIn(parent) {
  return readdirSync(join(__dirname, parent), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => `${parent}/${entry.name}`);
}
