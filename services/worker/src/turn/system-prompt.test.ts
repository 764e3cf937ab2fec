import { expect, test } from "vitest";
import { systemPrompt } from "./system-prompt.ts";

const project = { name: "shop", path: "/srv/shop" };
const tool = (name: string, purpose: string) => ({ name, purpose, description: "", parameters: {} });

test("the prompt introduces every tool by its name and purpose", () => {
  const tools = [tool("list_dir", "to list a directory"), tool("blame", "to find out who wrote a line")];
  expect(systemPrompt(project, tools, null)).toContain(
    "with these tools, and only read: `list_dir` to list a directory, `blame` to find out who wrote a line. Paths",
  );
});

test("the session's own prompt comes last, and a blank one adds nothing", () => {
  const base = systemPrompt(project, [], null);
  expect(systemPrompt(project, [], " Be brief.\n")).toBe(`${base}\n\nBe brief.`);
  expect(systemPrompt(project, [], " \n")).toBe(base);
});
