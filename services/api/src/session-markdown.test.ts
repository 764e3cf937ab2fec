import type { Message, Session } from "@boocode/contracts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fenced, fileNameOf, markdownHeading, messageToMarkdown } from "./session-markdown.ts";

const session = { id: "s", name: null, model: null, created_at: "2026-01-01" } as Session;
const message = (change: Partial<Message>): Message =>
  ({
    ...{ role: "assistant", turn_ordinal: 3, content: "", reasoning: null, tool_calls: null, tool_result: null },
    ...{ status: "complete", error: null, model: null, author: null, citations: null, created_at: "2026-01-02" },
    ...change,
  }) as Message;

/** What would end a block of CommonMark, or begin one that has no end. */
const hostile = fc
  .array(
    fc.constantFrom(
      ...[
        "```",
        "````",
        "~~~",
        "`",
        "\n",
        "\r",
        "\r\n",
        "\n\n",
        "# ",
        "## Question 9",
        "---",
        "<!--",
        "<script>",
        "> ",
      ],
      ...["- ", "    ", "\t", "x", "é", "[a]: b", "***", "\u2028", "</details>", "<![CDATA["],
    ),
    { maxLength: 30 },
  )
  .map((parts) => parts.join(""));

/** The lines of a document that stand in no quote and in no block of code. A fence is ended as CommonMark says. */
function outside(markdown: string): string[] {
  const lines: string[] = [];
  let fence: string | null = null;
  for (const line of markdown.split(/\r\n|\r|\n/)) {
    const [, ticks = "", rest = ""] = /^ {0,3}(`{3,})(.*)$/.exec(line) ?? [];
    if (fence !== null) {
      if (ticks.length >= fence.length && rest.trim() === "") fence = null;
    } else if (ticks !== "" && !rest.includes("`")) fence = ticks;
    else if (line !== "" && !line.startsWith("> ")) lines.push(line);
  }
  expect(fence).toBeNull();
  return lines;
}

describe("a message as Markdown", () => {
  it("keeps texts in their place, whatever they have", () => {
    const call = { id: "c", name: "grep", arguments: {} };
    const result = { tool_call_id: "c", name: "grep", truncated: false, error: null };
    fc.assert(
      fc.property(hostile, (text) => {
        expect(outside(messageToMarkdown(message({ role: "user", content: text })))).toEqual([
          "## Question 3",
          "2026-01-02",
        ]);
        expect(outside(messageToMarkdown(message({ content: text, reasoning: text || "x" })))).toEqual([
          "### Answer",
          "**Thoughts**",
        ]);
        const step = message({ content: text, tool_calls: [{ ...call, arguments: { text } }] });
        expect(outside(messageToMarkdown(step))).toEqual(["### Call of `grep`"]);
        const output = message({ role: "tool", content: text, tool_result: result });
        expect(outside(messageToMarkdown(output))).toEqual(["**Output of `grep`**"]);
      }),
    );
  });

  it("shows no name, model or error as Markdown or HTML, or on a line of its own", () => {
    const name = "a\n# b <script> [x](y) `c` *d* \u202e\u061c e";
    const shown = "a \\# b \\<script\\> \\[x\\](y) \\`c\\` \\*d\\* e";
    expect(
      markdownHeading({ session: { ...session, name }, projectName: name, exportedAt: "now" }).split("\n"),
    ).toEqual([`# ${shown}`, "", `- Project: ${shown}`, "- Session: `s`, created 2026-01-01", "- Exported: now", ""]);
    const failed = message({ status: "failed", model: name, error: { code: "internal", message: name } });
    expect(outside(messageToMarkdown(failed))).toEqual([
      `### Answer of ${shown}`,
      `Status: failed, internal: ${shown}`,
    ]);
  });

  it("lists what an answer cites with its level, and a path with backticks as code", () => {
    const place = { start: 0, end: 1, first: 2, last: 4 };
    const citations: NonNullable<Message["citations"]> = [
      { ...place, path: "a`b.ts", level: "moved", moved_to: { first: 7, last: 7 } },
      { ...place, path: "c\nd.ts", last: 2, level: "shown" },
    ];
    expect(outside(messageToMarkdown(message({ content: "x", citations })))).toEqual([
      "### Answer",
      "**Cited lines**",
      "- ``a`b.ts:2-4`` – moved: what is quoted beside it stands elsewhere (lines 7)",
      "- `c d.ts:2` – shown: the model read these lines",
    ]);
  });

  it("puts a longer fence around a text than any in it", () => {
    expect(fenced("a\n````\nb")).toBe("`````\na\n````\nb\n`````");
  });
});

it.each([
  [null, "boocode-session.md"],
  ['../../etc/"passwd"\r\nX: y', "boocode-etc-passwd-x-y.md"],
  ["Über Größe", "boocode-uber-gro-e.md"],
  ["日本", "boocode-session.md"],
  ["x".repeat(500), `boocode-${"x".repeat(60)}.md`],
])("the file of a session called %s is %s", (name, file) => {
  expect(fileNameOf(name, "md")).toBe(file);
});
