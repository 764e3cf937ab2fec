import { open, symlink } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { isInside, verifyByDescriptor, verifyByInode } from "../src/project/verify-opened.ts";
import { makeTree } from "./temp-tree.ts";

async function start() {
  const tree = await makeTree({ "a.txt": "", "b.txt": "" });
  await symlink(tree.outside, join(tree.root, "link"));
  const openOne = async (path: string) => {
    const handle = await open(path);
    onTestFinished(() => handle.close());
    return handle;
  };
  const { outside } = tree;
  const [inside, other] = [join(tree.root, "a.txt"), join(tree.root, "b.txt")];
  return { outside, inside, other, openOne, rootBytes: Buffer.from(tree.root) };
}

test.each([verifyByDescriptor, verifyByInode])(
  "a file inside the root passes, a file outside does not",
  async (verify) => {
    const { rootBytes, inside, outside, openOne } = await start();
    const secret = join(outside, "secret.txt");
    expect(await verify(await openOne(inside), inside, rootBytes)).toEqual(Buffer.from(inside));
    expect(await verify(await openOne(secret), secret, rootBytes)).toBeNull();
  },
);

test.each([verifyByDescriptor, verifyByInode])(
  "a file opened through a symlink is judged by its real location",
  async (verify) => {
    const { rootBytes, openOne, inside } = await start();
    const through = join(inside, "../link/secret.txt");
    expect(await verify(await openOne(through), through, rootBytes)).toBeNull();
  },
);

test("without descriptors, a different file under the same path does not pass", async () => {
  const { rootBytes, inside, other, openOne } = await start();
  expect(await verifyByInode(await openOne(other), inside, rootBytes)).toBeNull();
});

test("a path that only shares a prefix with the root is outside", () => {
  const inside = (root: string, path: string) => isInside(Buffer.from(root), Buffer.from(path));
  expect(inside("/srv/code", "/srv/code")).toBe(true);
  expect(inside("/srv/code", "/srv/code/a")).toBe(true);
  expect(inside("/srv/code", "/srv/codex")).toBe(false);
  expect(inside("/srv/code", "/srv")).toBe(false);
  expect(inside("/", "/etc")).toBe(true);
});
