import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { createConfig, lintFromString } from "@redocly/openapi-core";
import openapiTypescript, { astToString } from "openapi-typescript";
import ts from "typescript";
import { expect, test } from "vitest";
import { useApi } from "./fixture.ts";

// Checks the OpenAPI description with third-party tools.

const fixture = useApi();
const describe = async () => (await fixture.app.inject({ url: "/openapi.json" })).body;
const here = dirname(fileURLToPath(import.meta.url));

async function lint(source: string) {
  const problems = await lintFromString({ source, config: await createConfig({ extends: ["recommended-strict"] }) });
  return problems.map(({ ruleId, message, location }) => `${ruleId}: ${message} at ${location[0]?.pointer}`);
}

test("Redocly's recommended rules find nothing in the description", async () => {
  const description = await describe();
  expect(await lint(description)).toEqual([]);
  expect(await lint(description.replace('"operationId":"listProjects",', ""))).toEqual([
    expect.stringContaining("operation-operationId"),
  ]);
});

/** Returns the errors of strict TypeScript in these modules, which exist only in memory, as if beside this file. */
function compile(modules: Record<string, string>): string[] {
  const options: ts.CompilerOptions = {
    ...{ strict: true, noEmit: true, skipLibCheck: true, types: [], allowImportingTsExtensions: true },
    ...{ noUncheckedIndexedAccess: true, exactOptionalPropertyTypes: true },
    ...{ target: ts.ScriptTarget.ES2022, lib: ["lib.es2022.d.ts", "lib.dom.d.ts"] },
    ...{ module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext },
  };
  const virtual = new Map(Object.entries(modules).map(([name, text]) => [join(here, name), text]));
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists, readFile } = host;
  host.fileExists = (path) => virtual.has(path) || fileExists(path);
  host.readFile = (path) => virtual.get(path) ?? readFile(path);
  host.getSourceFile = (path, target, ...rest) => {
    const text = virtual.get(path);
    return text === undefined ? getSourceFile(path, target, ...rest) : ts.createSourceFile(path, text, target);
  };
  const program = ts.createProgram([...virtual.keys()], options, host);
  return ts.getPreEmitDiagnostics(program).map(({ messageText, file, start }) => {
    const line = file && start !== undefined ? file.getLineAndCharacterOfPosition(start).line + 1 : 0;
    return `${file?.fileName.slice(here.length)}:${line} ${ts.flattenDiagnosticMessageText(messageText, "\n")}`;
  });
}

/** A typical program that uses the client. Each `@ts-expect-error` is a mistake that the types must catch. */
const PROGRAM = `
import createClient from "openapi-fetch";
import type { components, paths } from "./generated.ts";

type Message = components["schemas"]["Message"];

export async function ask(baseUrl: string, token: string, path: string, question: string): Promise<Message[]> {
  const client = createClient<paths>({ baseUrl, headers: { authorization: \`Bearer \${token}\` } });
  const project = await client.POST("/api/projects", { body: { name: "code", path } });
  if (project.error) throw new Error(project.error.error.code satisfies string);
  const at = { params: { path: { id: project.data.id } } };
  const session = await client.POST("/api/projects/{id}/sessions", { ...at, body: {} });
  if (!session.data) return [];
  const id = session.data.id satisfies string;
  const headers = { "idempotency-key": crypto.randomUUID() };
  await client.POST("/api/sessions/{id}/messages", {
    params: { path: { id }, header: headers },
    body: { content: question, when_busy: "queue" },
  });
  await client.PATCH("/api/sessions/{id}", { params: { path: { id } }, body: { name: "x" } });
  const listed = await client.GET("/api/sessions/{id}/messages", { params: { path: { id } } });
  await client.DELETE("/api/sessions/{id}", { params: { path: { id } } });

  // @ts-expect-error no such route
  await client.GET("/api/nothing");
  // @ts-expect-error the body needs a path
  await client.POST("/api/projects", { body: { name: "code" } });
  // @ts-expect-error content must be a string
  await client.POST("/api/sessions/{id}/messages", { params: { path: { id } }, body: { content: 1 } });
  // @ts-expect-error the response has no such field
  session.data.nothing;
  return listed.data?.messages ?? [];
}
`;

test("a client generated from the description compiles, and its types catch mistakes", {
  timeout: 120_000,
}, async () => {
  const generated = astToString(await openapiTypescript(await describe()));
  expect(generated).toContain('operations["postMessage"]');
  expect(compile({ "generated.ts": generated, "program.ts": PROGRAM })).toEqual([]);
});
