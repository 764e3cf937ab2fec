import { realpath, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { grantableFolders, ownFolders } from "@boocode/identity";
import { folderToolEnv, isWithinAny, loadConfig } from "@boocode/runtime";
import { createGrant, deleteGrant, listGrants, MOST_GRANTS } from "@boocode/store";
import { type Command, userNamed } from "./command.ts";
import { describeOverlaps } from "./describe-overlaps.ts";

const settings = () => loadConfig(folderToolEnv, process.env);

export const rootCommands: Record<string, Command> = {
  "root grant": {
    usage: "USER PATH",
    does: "lets a user make projects of a folder and what is below it",
    args: { min: 2, max: 2 },
    async run(pool, [name, path = ""]) {
      const user = await userNamed(pool, name);
      const real = await realFolder(path);
      const grant = await createGrant(pool, { userId: user.id, path: real, by: "operator" });
      if (grant === "no_user") throw new Error(`no user is named ${name}`);
      if (grant === "too_many") throw new Error(`${user.name} has ${MOST_GRANTS} grants, which is the limit`);
      console.error(`${user.name} is granted ${grant.path}`);
    },
  },
  "root revoke": {
    usage: "USER PATH",
    does: "takes a grant back, and cancels the turns on what the user loses",
    args: { min: 2, max: 2 },
    async run(pool, [name, path = ""]) {
      const user = await userNamed(pool, name);
      const grants = (await listGrants(pool, user.id)) ?? [];
      // As it is stored, because the folder may be gone or replaced.
      const wanted = [resolve(path), await realpath(path).catch(() => null)];
      const grant = wanted.flatMap((each) => grants.filter((known) => known.path === each))[0];
      if (!grant)
        throw new Error(`${user.name} has no grant of ${resolve(path)}; root list ${user.name} shows the grants`);
      const folders = await ownFolders(settings(), user.slug);
      const deleted = await deleteGrant(pool, {
        userId: user.id,
        grantId: grant.id,
        ownFolders: folders,
        by: "operator",
      });
      // Workers and gateways find the changes in Postgres within two seconds.
      const turns = (deleted?.changes ?? []).filter(
        (change) =>
          change.kind === "turn_cancelling" || (change.kind === "structure" && change.frame.type === "turn_withdrawn"),
      );
      console.error(`${user.name} is no longer granted ${grant.path}; cancelled ${turns.length} turns`);
    },
  },
  "root list": {
    usage: "USER",
    does: "prints the folders that a user was granted",
    args: { min: 1, max: 1 },
    async run(pool, [name]) {
      const user = await userNamed(pool, name);
      for (const folder of await ownFolders(settings(), user.slug)) console.log(`${folder} (USER_ROOTS)`);
      for (const { path } of (await listGrants(pool, user.id)) ?? []) console.log(path);
    },
  },
  "root overlaps": {
    usage: "",
    does: "prints folders of one user that lie in a folder of another",
    args: { min: 0, max: 0 },
    async run(pool) {
      for (const line of await describeOverlaps(pool, settings().USER_ROOTS)) console.log(line);
    },
  },
};

async function realFolder(path: string): Promise<string> {
  const real = await realpath(path).catch(() => null);
  if (real === null || !(await stat(real)).isDirectory()) throw new Error(`${resolve(path)} is not a directory`);
  const { PROJECT_ROOTS } = settings();
  if (PROJECT_ROOTS && !isWithinAny(real, await grantableFolders({ PROJECT_ROOTS })))
    throw new Error(`${real} is not within PROJECT_ROOTS (${PROJECT_ROOTS.join(":")})`);
  return real;
}
