import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cleanName, nameFromQuestion } from "./session-name.ts";

describe("the title in a model's answer", () => {
  it.each([
    "Auth flow",
    "Auth flow.",
    "  Auth flow\n",
    '"Auth flow"',
    "'Auth flow'",
    "“Auth flow”",
    "«Auth flow»",
    "`Auth flow`",
    "**Auth flow**",
    "*Auth flow*",
    "__Auth flow__",
    "# Auth flow",
    "## Title: Auth flow",
    "> Auth flow",
    "- Auth flow",
    "1. Auth flow\n2. Login",
    "Title: Auth flow",
    "title - Auth flow",
    "TITLE: Auth flow",
    "Title：Auth flow",
    "Conversation title: Auth flow",
    "**Title:** Auth flow",
    '**Title:** "Auth flow"',
    "Topic: Auth flow",
    "Titel: Auth flow",
    "The title is: Auth flow",
    'The title is "Auth flow".',
    "Here is a title for the conversation:\n\nAuth flow",
    "Here's a title: Auth flow",
    "Sure! Here is a title:\n\n**Auth flow**",
    'Sure! Here\'s the title: **Title: "Auth flow"**',
    'Certainly! Here is a short title:\n"Auth flow"',
    "I would suggest: Auth flow",
    "Based on the conversation, a title could be:\nAuth flow",
    '{"title": "Auth flow"}',
    '{ "name": "Auth flow" }',
    '["Auth flow"]',
    '```json\n{"title": "Auth flow"}\n```',
    "```text\nAuth flow\n```",
    "```\nAuth flow\n```",
    "<title>Auth flow</title>",
    "<title>\nAuth flow\n</title>",
    "<think>The user asks.</think>\nAuth flow",
    "<thinking>hm</thinking>Auth flow",
    "[THINK]hm[/THINK]Auth flow",
    "◁think▷hm◁/think▷Auth flow",
    "<answer>Auth flow</answer><|im_end|>",
    "Auth flow (2 words)",
    "---\nAuth flow\n---",
    "I think a good title would be: Auth flow",
    "Title\nAuth flow",
    "<|im_start|>assistant\nAuth flow",
    '{"title": "Auth flow"',
    'json\n{"title": "Auth flow"}',
    "[Auth flow]",
    "Sure thing! Auth flow",
    "Certainly! The title is: Auth flow",
    "Six-word title: Auth flow",
    "Title (2 words): Auth flow",
    "Title 1: Auth flow",
    "Best title: Auth flow",
    "[TITLE]Auth flow[/TITLE]",
    "Hier ist ein Titel: Auth flow",
  ])("%j", (text) => expect(cleanName(text)).toBe("Auth flow"));

  it.each([
    ["Why is the title missing", "Why is the title missing"],
    ["Here documents in shell scripts", "Here documents in shell scripts"],
    ["Name resolution in compose", "Name resolution in compose"],
    ["3D rendering: how it begins", "3D rendering: how it begins"],
    ["OK button does nothing", "OK button does nothing"],
    ["Great circle distances", "Great circle distances"],
    ["C++ templates", "C++ templates"],
    ["登录流程。", "登录流程"],
    ["Let's Encrypt certificates", "Let's Encrypt certificates"],
    ["The user table migration", "The user table migration"],
    ["Answer caching in the API", "Answer caching in the API"],
    ["Assistant prompts", "Assistant prompts"],
    ["The session could not be found", "The session could not be found"],
  ])("keeps what only looks like it: %s", (text, name) => expect(cleanName(text)).toBe(name));

  it.each([
    "「Auth flow」",
    "标题：Auth flow",
    "Here you go: Auth flow",
    "Okay, the user wants a title.\n\nAuth flow",
    'I\'d call it "Auth flow".',
    "<|channel|>final<|message|>Auth flow<|return|>",
    "{'title': 'Auth flow'}",
    '{"response": {"title": "Auth flow"}}',
    "Final answer: Auth flow",
    "\\boxed{Auth flow}",
    "~~~\nAuth flow\n~~~",
    "📌 Auth flow",
    "Заголовок: Auth flow",
    "Title suggestion: Auth flow",
    "Possible titles:\n1. Auth flow\n2. Other",
    "The conversation could be titled: Auth flow",
    'The conversation could be titled "Auth flow".',
    "Let's call it: Auth flow",
    "Assistant: Auth flow",
  ])("is found in %j", (text) => expect(cleanName(text)).toBe("Auth flow"));

  it.each(["", "  \n", "...", "<think>no end", "```\n```", "{}", "Here is a title:"])("is none in %j", (text) =>
    expect(cleanName(text)).toBeNull(),
  );

  it("is one line of at most 80 characters, whatever the answer", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 400 }), (text) => {
        const name = cleanName(text);
        if (name !== null) {
          expect([...name].length).toBeLessThanOrEqual(80);
          expect(name).not.toMatch(/[\p{Cc}\p{Cs}]/u);
        }
      }),
    );
  });
});

describe("a name from the question", () => {
  it.each([
    ["How does the login work?", "How does the login work?"],
    [
      "  \n\nWhere is `parse` defined, and who calls it from where?\nmore",
      "Where is `parse` defined, and who calls it",
    ],
    ["```ts\ncode\n```\nWhat does this do?", "What does this do?"],
    ['why? [[script {"tokens":5}]]', "why?"],
    ["???", null],
  ])("%j", (question, name) => expect(nameFromQuestion(question)).toBe(name));
});
