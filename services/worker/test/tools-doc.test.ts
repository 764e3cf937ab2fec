import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { MAX_DELETED_IDS, MAX_DELETION_FRAMES, MAX_FRAME_BYTES } from "@boocode/contracts";
import { MAX_SEARCHED_BYTES, toolOffers } from "@boocode/project-tools";
import { expect, test } from "vitest";
import { MAX_CALLS } from "../src/turn/run-calls.ts";

const ROOT = join(import.meta.dirname, "../../..");
const TOOLS = join(ROOT, "libs/project-tools/src");

interface Property {
  type: string;
  description: string;
  minimum?: number;
  maximum?: number;
}

/** Returns the text of docs/tools.md: what a model is told about the tools, word for word. */
function describeTools(): string {
  const tools = toolOffers.map(({ name, description, purpose, parameters }) => {
    const properties = Object.entries(parameters.properties as Record<string, Property>);
    const rows = properties.map(([key, { type, description: text, minimum, maximum }]) => {
      const needed = (parameters.required as string[]).includes(key) ? ", required" : "";
      const limits = [
        minimum === undefined ? "" : `at least ${minimum}`,
        maximum === undefined ? "" : `at most ${maximum}`,
      ];
      const said = [type + needed, ...limits.filter((limit) => limit !== "")].join(", ");
      return `| \`${key}\` | ${said} | ${text.replaceAll("|", "\\|")} |`;
    });
    return [
      `## ${name}`,
      `(${purpose})`,
      "",
      description,
      "",
      "| parameter | type | meaning |",
      "|---|---|---|",
      ...rows,
    ].join("\n");
  });
  return `# Tools

The tool descriptions that a model receives. \`services/worker/test/tools-doc.test.ts\` generates this page and fails when it differs from the
code; \`npx vitest run --project system tools-doc -u\` regenerates it.

At most ${MAX_CALLS} calls of one reply run. Each call has \`TOOL_TIMEOUT_MS\`, \`TOOL_CPU_MS\` and \`TOOL_MEMORY_MB\`, and its output has at most
\`TOOL_OUTPUT_BYTES\`. Arguments, paths and
globs that are written as for other assistants' tools are accepted where their meaning is certain; the first line of the output says how they
were read.

${tools.join("\n\n")}
`;
}

test("docs/tools.md is what models are told", async () => {
  await expect(describeTools()).toMatchFileSnapshot(join(ROOT, "docs/tools.md"));
});

/** Returns the sources of the tools without comments. */
function sources(): [string, string][] {
  const files = readdirSync(TOOLS, { recursive: true, encoding: "utf8" }).filter((file) =>
    /(?<!\.test)\.ts$/.test(file),
  );
  return files.map((file) => [
    file,
    readFileSync(join(TOOLS, file), "utf8").replaceAll(/\/\*[\s\S]*?\*\/|(^|\s)\/\/.*/g, ""),
  ]);
}

test("every hint names a parameter, and every tool that is named exists", () => {
  const parameters = new Set(toolOffers.flatMap((offer) => Object.keys(offer.parameters.properties as object)));
  const names = new Set(toolOffers.map(({ name }) => name));
  let hints = 0;
  for (const [file, source] of sources()) {
    for (const [, parameter = ""] of source.matchAll(/\b([a-z]+_[a-z]+|offset)(?:=\$\{|: (?:true|false) (?=[a-z]))/g)) {
      expect(parameters, `${file} advises ${parameter}`).toContain(parameter);
      hints += 1;
    }
    for (const [, tool = ""] of source.matchAll(/(?:; use|;|and) (\w+_\w+)(?: and \w+)? (?:shows?|takes|what)/g))
      expect(names, `${file} advises ${tool}`).toContain(tool);
  }
  expect(hints).toBeGreaterThan(4);
});

test("the limits in the documents are those in the code", () => {
  const count = (value: number) => value.toLocaleString("en");
  const expected: [string, string][] = [
    ["docs/delivery.md", `at most ${MAX_FRAME_BYTES / 1024} KiB of JSON in UTF-8, and so do`],
    ["docs/delivery.md", `up to ${count(MAX_DELETED_IDS)} in a frame`],
    ["docs/delivery.md", `Above ${count(MAX_DELETED_IDS * MAX_DELETION_FRAMES)} it is empty`],
    ["docs/tools.md", `files over ${MAX_SEARCHED_BYTES / 2 ** 20} MB`],
  ];
  for (const [file, text] of expected) {
    const document = readFileSync(join(ROOT, file), "utf8").replaceAll(/\s+/g, " ");
    expect(document, file).toContain(text);
  }
});
