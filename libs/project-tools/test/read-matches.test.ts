import { expect, onTestFinished, test } from "vitest";
import { openProjectRoot } from "../src/project/project-root.ts";
import { readMatches } from "../src/search/read-matches.ts";
import { NO_LIMITS } from "../src/search/search-limits.ts";
import { findFolder, makeTree } from "./temp-tree.ts";

test("a line that differs from what ripgrep saw is not shown", async () => {
  const root = await openProjectRoot(await findFolder((await makeTree({ "a.txt": "one\ntwo\nthree\n" })).root));
  onTestFinished(() => root.close());
  const context = {
    root,
    signal: new AbortController().signal,
    outputBytes: 1000,
    limits: NO_LIMITS,
    note: () => {},
  };
  const candidate = (line: number, text: string) => ({ path: "a.txt", line, bytes: Buffer.from(text), start: 0 });
  const candidates = [candidate(1, "one"), candidate(2, "from elsewhere"), candidate(9, "beyond")];
  const shown = await readMatches("a.txt", "UTF-8", candidates, 0, context);
  expect(shown).toEqual([{ number: 1, bytes: Buffer.from("one"), matchStart: 0 }]);
  expect(await readMatches("gone.txt", "UTF-8", [candidate(1, "one")], 0, context)).toEqual([]);
});
