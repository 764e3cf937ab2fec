import fc from "fast-check";
import { expect, test } from "vitest";
import { MAX_MESSAGE_LENGTH, PostMessage } from "./messages.ts";
import { Id, Name } from "./primitives.ts";
import { ChangeProject, CreateProject } from "./projects.ts";
import { ChangeSession, CreateSession, MAX_SYSTEM_PROMPT_LENGTH } from "./sessions.ts";
import { SocketMessage } from "./sockets.ts";

const fits = (schema: { safeParse(value: unknown): { success: boolean } }, value: unknown) =>
  schema.safeParse(value).success;

test("a message is queued by default", () => {
  expect(PostMessage.parse({ content: "why?" })).toEqual({ content: "why?", when_busy: "queue" });
  for (const when_busy of ["queue", "reject", "interrupt"])
    expect(fits(PostMessage, { content: "x", when_busy })).toBe(true);
  expect(fits(PostMessage, { content: "x", when_busy: "later" })).toBe(false);
});

test("a message is not blank, has at most the maximum length, and keeps its leading and trailing spaces", () => {
  for (const content of ["", " ", "\n\t ", "\0", "\0 \0"]) expect(fits(PostMessage, { content })).toBe(false);
  expect(PostMessage.parse({ content: "  x\n" }).content).toBe("  x\n");
  expect(fits(PostMessage, { content: "x".repeat(MAX_MESSAGE_LENGTH) })).toBe(true);
  expect(fits(PostMessage, { content: "x".repeat(MAX_MESSAGE_LENGTH + 1) })).toBe(false);
});

test("messages and system prompts are cleaned for Postgres: NUL is removed, lone surrogates are replaced", () => {
  const dirty = "a\0b \ud800 \udc00 😀";
  const clean = "ab \uFFFD \uFFFD 😀";
  expect(PostMessage.parse({ content: dirty }).content).toBe(clean);
  expect(CreateSession.parse({ system_prompt: dirty }).system_prompt).toBe(clean);
  expect(ChangeSession.parse({ system_prompt: dirty }).system_prompt).toBe(clean);
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (content) => {
      const parsed = PostMessage.safeParse({ content: `${content}x` });
      expect(parsed.data?.content).toBe(Buffer.from(parsed.data?.content ?? "").toString());
      expect(parsed.data?.content).not.toContain("\0");
    }),
  );
});

test("a name is one trimmed line of well-formed text", () => {
  expect(Name.parse("  My project é 😀 ")).toBe("My project é 😀");
  expect(Name.parse("x".repeat(200))).toHaveLength(200);
  for (const name of ["", "  ", "x".repeat(201), "a\nb", "a\0b", "a\x7fb", "\u001b[31m", "a\ud800b", 7, null]) {
    expect(fits(Name, name)).toBe(false);
  }
});

test("every request body rejects unknown fields", () => {
  expect(fits(PostMessage, { content: "x", role: "assistant" })).toBe(false);
  expect(fits(CreateProject, { name: "n", path: "/x", owner_id: "me" })).toBe(false);
  expect(fits(ChangeProject, { name: "n", path: "/x" })).toBe(false);
  expect(fits(CreateSession, { auto_named: true })).toBe(false);
  expect(fits(ChangeSession, { name: "n", version: 3 })).toBe(false);
  expect(fits(SocketMessage, { type: "ping", seq: 1 })).toBe(false);
});

test("a project's path is absolute and not too long for a file system", () => {
  expect(fits(CreateProject, { name: "n", path: "/" })).toBe(true);
  for (const path of ["", "code", "./code", "~/code", "C:\\code", `/${"x".repeat(4096)}`, 1]) {
    expect(fits(CreateProject, { name: "n", path })).toBe(false);
  }
});

test("a session may be created with defaults, and a change must not be empty", () => {
  expect(CreateSession.parse({})).toEqual({});
  expect(fits(ChangeSession, {})).toBe(false);
  expect(ChangeSession.parse({ model: null, system_prompt: null })).toEqual({ model: null, system_prompt: null });
  expect(fits(ChangeSession, { name: null })).toBe(false);
  expect(fits(CreateSession, { model: null })).toBe(false);
  expect(fits(CreateSession, { model: "a\0b" })).toBe(false);
  expect(fits(CreateSession, { system_prompt: "x".repeat(MAX_SYSTEM_PROMPT_LENGTH + 1) })).toBe(false);
});

test("an id is a UUID in its canonical form", () => {
  const id = "0B7FB2E1-7C3C-4A39-9D0E-54D5E6B0A6F1";
  expect(Id.parse(id)).toBe(id.toLowerCase());
  for (const other of ["", "1", "0b7fb2e1", `${id} `, `{${id}}`, "../x"]) expect(fits(Id, other)).toBe(false);
});

test("a socket accepts a token or a ping and nothing else", () => {
  expect(fits(SocketMessage, { type: "auth", token: "t" })).toBe(true);
  expect(fits(SocketMessage, { type: "ping" })).toBe(true);
  for (const other of [{}, { type: "auth" }, { type: "auth", token: "" }, { type: "close" }, "ping", null, []]) {
    expect(fits(SocketMessage, other)).toBe(false);
  }
  expect(fits(SocketMessage, { type: "auth", token: "x".repeat(8_193) })).toBe(false);
});
