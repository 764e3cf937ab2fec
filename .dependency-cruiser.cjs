// Who may import whom. `scripts/check-architecture.mjs` runs these rules, holds files marked `// PURE` to those named pure-*, and
// makes sure that the rules saw anything at all.

/** Our own packages, and those of ours that each may import. What is not listed is forbidden, even where npm hoists it. */
const allowed = {
  "libs/contracts": [],
  "libs/runtime": [],
  "libs/frame-log": ["libs/contracts"],
  "libs/model-servers": [],
  "libs/store": ["libs/contracts"],
  "libs/turn-queue": ["libs/contracts"],
  "libs/identity": ["libs/contracts", "libs/frame-log", "libs/store"],
  "libs/client": ["libs/contracts"],
  "libs/backing-services": [],
  "libs/scripted-model": [],
  "services/api": ["contracts", "frame-log", "identity", "model-servers", "runtime", "store", "turn-queue"].map(
    (lib) => `libs/${lib}`,
  ),
  "services/gateway": ["contracts", "frame-log", "identity", "runtime", "store"].map((lib) => `libs/${lib}`),
  "services/worker": ["contracts", "frame-log", "model-servers", "runtime", "store", "turn-queue"].map(
    (lib) => `libs/${lib}`,
  ),
};

/** Inside the worker, from the heart outwards: a room may import those named and itself. */
const rooms = {
  turn: [],
  model: ["turn"],
  tools: ["turn"],
  outputs: ["turn"],
};

/** Files that decide and do nothing else, besides those whose first line says `// PURE`. */
const pure = [
  "^libs/contracts/src/",
  "^services/worker/src/turn/",
  "^services/worker/src/outputs/to-frame\\.ts$",
  "^services/worker/src/model/(decode|encode|failures)/",
];

const ours = "^(libs|services|e2e|bench|scripts)/";
const test = "\\.test\\.ts$";

module.exports = {
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
    ...Object.entries(allowed).map(([from, to]) => ({
      name: `${from}-imports-only-its-own`,
      comment: `${from} may import ${to.join(", ") || "no package of ours"}`,
      severity: "error",
      from: { path: `^${from}/src/`, pathNot: test },
      to: { path: ours, pathNot: [from, ...to].map((path) => `^${path}/`) },
    })),
    {
      name: "backing-services-and-scripted-model-are-for-development",
      comment: "scripts, tests, e2e and bench import them; what is deployed does not",
      severity: "error",
      from: { path: "^(libs|services)/([^/]+)/src/", pathNot: [test, "^libs/(backing-services|scripted-model)/"] },
      to: { path: "^libs/(backing-services|scripted-model)/" },
    },
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
    ...Object.entries(rooms).map(([room, inner]) => ({
      name: `worker-${room}-looks-inwards`,
      comment: "turn ← model, tools, outputs ← process-turn ← consume-turns ← main",
      severity: "error",
      from: { path: `^services/worker/src/${room}/`, pathNot: test },
      to: { path: "^services/worker/src/", pathNot: [room, ...inner].map((name) => `^services/worker/src/${name}/`) },
    })),
    ...["process-turn", "consume-turns"].map((name, index) => ({
      name: `worker-${name}-is-imported-from-outside-only`,
      severity: "error",
      from: {
        path: "^services/worker/src/",
        pathNot: [
          test,
          ...[["main", "consume-turns", "run-isolated-turn", "wire-turns"], ["main"]][index].map(
            (file) => `^services/worker/src/${file}\\.ts$`,
          ),
        ],
      },
      to: { path: `^services/worker/src/${name}\\.ts$` },
    })),
    {
      name: "nobody-imports-main",
      comment: "main wires and starts; importing it would start things",
      severity: "error",
      from: {},
      to: { path: "^services/[^/]+/src/main\\.ts$" },
    },
    {
      name: "pure-imports-nothing-that-acts",
      comment: "pure code is given the clock, ids and results; it imports no Node module",
      severity: "error",
      from: { path: pure, pathNot: test },
      to: { dependencyTypes: ["core"] },
    },
    {
      name: "pure-imports-no-client",
      comment: "pure code knows no database, no Redis and no HTTP",
      severity: "error",
      from: { path: pure, pathNot: test },
      to: { path: "(^|/)node_modules/(ioredis|postgres|undici|bullmq|fastify|ws|pino)/" },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "^(libs|services)/[^/]+/dist/" },
    combinedDependencies: false,
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.check.json" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["@boocode/source", "import", "require", "node", "default", "types"],
      extensions: [".ts", ".mjs", ".cjs", ".js", ".json", ".d.ts"],
    },
  },
};
