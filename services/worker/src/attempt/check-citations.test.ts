import { MAX_CITATIONS } from "@boocode/contracts";
import { hashLines } from "@boocode/project-tools/citations";
import { expect, test } from "vitest";
import { type CheckCitationsDeps, checkCitations } from "./check-citations.ts";

const SHOWING = {
  content: "a.ts (lines 7-8 of 9)\n     7\tseven\n     8\teight",
  evidence: [
    { path: "src/a.ts", ranges: [{ first: 7, last: 8, at: 1, skip: 7, hash: hashLines(["seven", "eight"]) }] },
  ],
};

async function check(answer: string, more: Partial<CheckCitationsDeps> = {}) {
  const reads: unknown[] = [];
  const works: Parameters<CheckCitationsDeps["judge"]>[0][] = [];
  const errors: unknown[] = [];
  const citations = await checkCitations(
    {
      roots: ["/srv/app"],
      timeoutMs: 60_000,
      showings: async (names) => {
        reads.push(names);
        return [SHOWING];
      },
      judge: async (work) => {
        works.push(work);
        return work.cited.map(() => ({ level: "shown" as const }));
      },
      onError: (error) => void errors.push(error),
      ...more,
    },
    answer,
  );
  return { citations, reads, works, errors };
}

test("an answer that cites nothing needs neither the database nor a tool process", async () => {
  expect(await check("See http://localhost:8080/a.ts:3 at 12:30.")).toMatchObject({
    citations: [],
    reads: [],
    works: [],
  });
});

test("citations are judged by what the model has read of the cited lines", async () => {
  const { citations, reads, works } = await check(
    "`seven` in a.ts:7, and /srv/app/src/a.ts:8-9, not /etc/hosts.conf:1",
  );
  expect(reads).toEqual([["a.ts", "hosts.conf"]]);
  expect(works).toMatchObject([
    {
      cited: [
        { path: "src/a.ts", first: 7, last: 7, quotes: { names: ["seven"] } },
        { path: "src/a.ts", first: 8, last: 9 },
      ],
      shown: {
        "src/a.ts": [
          [7, "seven"],
          [8, "eight"],
        ],
      },
    },
  ]);
  expect(citations).toEqual([
    { start: 11, end: 17, path: "src/a.ts", first: 7, last: 7, level: "shown" },
    { start: 23, end: 44, path: "src/a.ts", first: 8, last: 9, level: "shown" },
    { start: 50, end: 67, path: "/etc/hosts.conf", first: 1, last: 1, level: "none" },
  ]);
});

test("too many citations, or too long ones, are not checked", async () => {
  expect((await check("src/a.ts:7 ".repeat(MAX_CITATIONS + 1))).citations).toBeNull();
  expect((await check("src/a.ts:7 ".repeat(MAX_CITATIONS))).citations).toHaveLength(MAX_CITATIONS);
  expect((await check(`${"long/".repeat(100)}a.ts:7 `.repeat(MAX_CITATIONS))).citations).toBeNull();
});

test("a check that fails or takes too long leaves the answer without citations, and stops what still runs", async () => {
  const failed = await check("src/a.ts:7", { showings: () => Promise.reject(new Error("away")) });
  expect(failed).toMatchObject({ citations: null, errors: [new Error("away")] });
  expect((await check("src/a.ts:7", { judge: async () => null })).citations).toBeNull();
  let signal: AbortSignal | null = null;
  const judge: CheckCitationsDeps["judge"] = (_, given) => {
    signal = given;
    return new Promise((_, reject) => given.addEventListener("abort", () => reject(given.reason)));
  };
  const late = await check("src/a.ts:7", { judge, timeoutMs: 1 });
  expect(late).toMatchObject({ citations: null, errors: [] });
  expect(signal).toMatchObject({ aborted: true });
});
