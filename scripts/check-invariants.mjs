import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

// `npm run check:invariants`: every invariant that is cited (T1, D7, …) is defined in docs/invariants.md, and every defined
// one names tests and mutants that exist.

process.chdir(dirname(dirname(fileURLToPath(import.meta.url))));
const DEFINITIONS = "docs/invariants.md";

/** An invariant's number as a separate word, for instance in "T10 an attempt went back" or "(D1, D2)". */
const CITATION = /(?<![\w.$<-])[TD]\d{1,2}(?![\w.$>-]\w|\w)/g;
const HEADING = /^### ([TD]\d{1,2}) /;
/** `- Test: ` or `- Mutant: `, a path in backticks, and perhaps a title in quotes. */
const EVIDENCE = /^- (Test|Mutant): `([^`]+)`(?: "(.+)")?$/;

const faults = [];
const defined = new Map();
let current;
for (const [index, line] of readFileSync(DEFINITIONS, "utf8").split("\n").entries()) {
  const at = `${DEFINITIONS}:${index + 1}`;
  const [, number] = HEADING.exec(line) ?? [];
  if (number) {
    if (defined.has(number)) faults.push(`${at} defines ${number} a second time`);
    current = { at, tests: 0 };
    defined.set(number, current);
  } else if (/^#/.test(line)) current = undefined;
  else if (current && line.startsWith("- ")) readEvidence(at, line);
}
for (const [number, { at, tests }] of defined) {
  if (tests === 0) faults.push(`${at} ${number} names no test`);
}

const listed = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
  encoding: "utf8",
});
const paths = listed
  .split("\0")
  .filter((path) => /\.(ts|mjs|cjs|js|lua|sql|md|ya?ml|sh)$/.test(path) && existsSync(path));
let citations = 0;
for (const path of paths) {
  if (path === DEFINITIONS) continue;
  for (const [index, line] of readFileSync(path, "utf8").split("\n").entries()) {
    for (const [number] of line.matchAll(CITATION)) {
      citations += 1;
      if (!defined.has(number))
        faults.push(`${path}:${index + 1} cites ${number}, which ${DEFINITIONS} does not define`);
    }
  }
}
// A check that finds nothing to look at has stopped working.
if (defined.size < 24 || citations < 50)
  faults.push(`only ${defined.size} invariants and ${citations} citations were found`);

for (const fault of faults) console.error(fault);
console.log(`invariants: ${defined.size} defined, cited ${citations} times, ${faults.length} faults`);
process.exitCode = faults.length > 0 ? 1 : 0;

function readEvidence(at, line) {
  const [, kind, path, title] = EVIDENCE.exec(line) ?? [];
  if (!kind) return faults.push(`${at} is not of the form - Test: \`path\` "title" (or - Mutant: …)`);
  if (!existsSync(path)) return faults.push(`${at} names ${path}, which does not exist`);
  if (kind === "Test" && !path.endsWith(".test.ts"))
    return faults.push(`${at} names ${path}, which is not a test file`);
  if (kind === "Mutant" && !title) return faults.push(`${at} names a mutants file without the mutant`);
  if (title && !readFileSync(path, "utf8").includes(JSON.stringify(title)))
    return faults.push(`${at} names "${title}", which ${path} does not contain`);
  if (kind === "Test") current.tests += 1;
}
