import { describe, expect, it } from "vitest";
import { errorIn, errorText } from "./error-text.ts";

describe("errorText", () => {
  it.each([
    ['{"error":{"code":503,"message":"Loading model"}}', "Loading model"],
    ['{"error":"no such model"}', "no such model"],
    ['[{"error":{"code":400,"message":"parts differ"}}]', "parts differ"],
    ['{"object":"error","message":"too long","code":400}', "too long"],
    ['{"detail":"Not Found"}', "Not Found"],
    ['{"detail":[{"loc":["body","messages",0],"msg":"extra fields","type":"x"}]}', "body.messages.0: extra fields"],
    ['{"error":{"message":"Provider returned error","metadata":{"raw":"{\\"error\\":\\"busy\\"}"}}}', "busy"],
    ['{"error":{"message":"{\\"error\\":{\\"message\\":\\"no such tool\\"}}"}}', "no such tool"],
    ['{"error":{"message":"[sic]"}}', "[sic]"],
    ["<!doctype html><html><head><title>502 Bad Gateway</title></head></html>", "502 Bad Gateway"],
    ["upstream\n  gone \n", "upstream gone"],
    ['{"odd":1}', '{"odd":1}'],
    ["", ""],
  ])("finds the cause in %s", (body, text) => expect(errorText(body)).toBe(text));

  it("prefers the last line of a long message, where templates name the cause", () => {
    const message = `\n------------\nWhile executing ${"x".repeat(300)}\n      ^\nError: Jinja Exception: roles must alternate\n`;
    expect(errorText(JSON.stringify({ error: { message } }))).toBe("Error: Jinja Exception: roles must alternate");
  });

  it("cuts at 200 characters, never inside a character", () => {
    expect(errorText(`${"a".repeat(199)}🌊🌊`)).toBe("a".repeat(199));
  });
});

describe("errorIn", () => {
  it.each([
    '{"error":{"message":"bang"}}',
    '[{"error":{"message":"bang"}}]',
    '{"message":"bang"}',
    'data: {"error":{"message":"bang"}}\n\n',
    'event: error\ndata:{"message":"bang"}\n\n',
  ])("finds the error in %j", (body) => expect(errorIn(body)).toEqual({ message: "bang" }));

  it("returns the text when there is none", () => expect(errorIn("data lost")).toBe("data lost"));
});
