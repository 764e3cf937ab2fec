import { expect, test } from "vitest";
import { collectNewestFirst, readPages } from "./read-pages.ts";

test("pages are read until the last; a server of an earlier version, whose lists are whole, is asked once", async () => {
  const asked: (string | undefined)[] = [];
  const read = async (before?: string) => {
    asked.push(before);
    return before === undefined ? { has_more: true, next_before: "a" } : { has_more: false, next_before: null };
  };
  for await (const _ of readPages(read));
  expect(asked).toEqual([undefined, "a"]);
  asked.length = 0;
  const readWhole = async (before?: string) => {
    asked.push(before);
    return {};
  };
  for await (const _ of readPages(readWhole));
  expect(asked).toEqual([undefined]);
});

test("a server that returns the same place again does not make the reading endless", async () => {
  let pages = 0;
  for await (const _ of readPages(async () => ({ has_more: true, next_before: "a" }))) pages += 1;
  expect(pages).toBe(2);
});

/** A list in pages of two, of which `use` moves one to the first place, as a server orders them. */
function createList(ids: string[]) {
  let time = 200;
  let list = ids.map((id, i) => ({ id, updated_at: String(199 - i) }));
  let reads = 0;
  return {
    reads: () => reads,
    use(id: string) {
      time += 1;
      list = [{ id, updated_at: String(time) }, ...list.filter((one) => one.id !== id)];
    },
    async *pages(afterPage: (count: number) => void) {
      let last: string | undefined;
      for (let count = 1; ; count += 1) {
        const rest = list.filter((one) => last === undefined || Number(one.updated_at) < Number(last));
        const page = rest.slice(0, 2);
        reads += 1;
        yield page;
        afterPage(count);
        if (rest.length <= 2) return;
        last = page.at(-1)?.updated_at;
      }
    },
  };
}

test("what is used while a list is read is in the collected list, in its new place", async () => {
  const list = createList(["a", "b", "c", "d", "e", "f"]);
  let isUsed = false;
  const found = await collectNewestFirst(() =>
    list.pages(() => {
      if (!isUsed) list.use("e");
      isUsed = true;
    }),
  );
  expect(found.map(({ id }) => id)).toEqual(["e", "a", "b", "c", "d", "f"]);
});

test("a list of one page is read once", async () => {
  const list = createList(["a", "b"]);
  expect((await collectNewestFirst(() => list.pages(() => {}))).map(({ id }) => id)).toEqual(["a", "b"]);
  expect(list.reads()).toBe(1);
});
