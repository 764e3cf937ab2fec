import { mkdir, rename, rm, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { TURN_ERRORS } from "@boocode/contracts";
import { allowedFolders } from "@boocode/identity";
import { beforeEach, expect, test } from "vitest";
import { openProject } from "../src/project/open-project.ts";
import { makeTree } from "./temp-tree.ts";

let base: string;

beforeEach(async () => {
  base = dirname((await makeTree({ "a.txt": "a" })).root);
  for (const folder of ["al/code/deep", "bob/code", "homes/al-1/code", "homes/bob/code"])
    await mkdir(join(base, folder), { recursive: true });
});

interface Rules {
  roots?: string[];
  grants?: string[];
  userRoots?: string[];
}

/** Opens a folder as a turn does. @returns "opened", or the message that the user sees */
async function open(path: string, { roots = ["."], grants = [], userRoots = [] }: Rules): Promise<string> {
  const at = (folder: string) => (folder.startsWith("/") ? folder : join(base, folder));
  const settings = { PROJECT_ROOTS: roots.map(at), USER_ROOTS: userRoots.map(at) };
  const holder = { slug: "al-1", grants: grants.map(at) };
  const rules = {
    allowed: () => allowedFolders(settings, holder),
    own: { folders: [], files: [] },
  };
  try {
    const root = await openProject({ kind: "path", path: at(path) }, rules);
    await root.close();
    return "opened";
  } catch (error) {
    return (error as Error).message;
  }
}

const REFUSED = TURN_ERRORS.project_unavailable;

test("a granted folder and those below it are opened; nothing is without a grant", async () => {
  for (const path of ["al", "al/code/deep"]) expect(await open(path, { grants: ["al"] })).toBe("opened");
  for (const rules of [{}, { grants: ["al/code"] }, { grants: ["a"] }, { grants: ["bob", "al/co"] }])
    expect(await open("al", rules)).toBe(REFUSED);
});

test("a grant outside PROJECT_ROOTS is void, and one above them allows only what they contain", async () => {
  expect(await open("al", { roots: ["bob"], grants: ["al"] })).toBe(REFUSED);
  expect(await open("al", { roots: ["missing"], grants: ["al"] })).toBe(REFUSED);
  expect(await open("al/code", { roots: ["al/code"], grants: ["al"] })).toBe("opened");
  expect(await open("al", { roots: ["al/code"], grants: ["al"] })).toBe(REFUSED);
});

test("a project, or a folder above it, that was replaced by a symlink is opened only where it leads to is granted", async () => {
  await rename(join(base, "al/code"), join(base, "al/moved"));
  await symlink(join(base, "bob"), join(base, "al/code"));
  for (const path of ["al/code", "al/code/code"]) expect(await open(path, { grants: ["al"] })).toBe(REFUSED);
  await rm(join(base, "al/code"));
  await symlink("moved", join(base, "al/code"));
  expect(await open("al/code/deep", { grants: ["al"] })).toBe("opened");
});

test("a granted folder that was replaced by a symlink allows nothing", async () => {
  await rename(join(base, "al"), join(base, "old"));
  await symlink(join(base, "bob"), join(base, "al"));
  for (const path of ["al", "al/code", "bob"]) expect(await open(path, { grants: ["al"] })).toBe(REFUSED);
});

test("a project that was moved is refused like one that never existed", async () => {
  await rename(join(base, "al/code"), join(base, "bob/stolen"));
  for (const path of ["al/code", "al/never", "bob/stolen"]) expect(await open(path, { grants: ["al"] })).toBe(REFUSED);
});

test("USER_ROOTS allow the folder of the user's slug, where symlinks count only above it", async () => {
  const userRoots = ["homes/{user}"];
  expect(await open("homes/al-1/code", { userRoots })).toBe("opened");
  for (const path of ["homes/bob/code", "homes"]) expect(await open(path, { userRoots })).toBe(REFUSED);
  expect(await open("homes/al-1", { userRoots: ["homes/{user}/code"] })).toBe(REFUSED);
  expect(await open("homes/al-1/code", { userRoots: ["homes/{user}/code"] })).toBe("opened");
  expect(await open("homes/al-1/code", { userRoots, roots: ["al"] })).toBe(REFUSED);
  await symlink(join(base, "homes"), join(base, "link"));
  expect(await open("homes/al-1", { userRoots: ["link/{user}"] })).toBe("opened");
  await rm(join(base, "homes/al-1"), { recursive: true });
  await symlink(join(base, "homes/bob"), join(base, "homes/al-1"));
  for (const path of ["homes/al-1", "homes/al-1/code", "homes/bob"])
    expect(await open(path, { userRoots })).toBe(REFUSED);
});
