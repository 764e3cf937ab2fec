import { parseArgs } from "node:util";
import { Id, Scopes } from "@boocode/contracts";
import { addUser } from "@boocode/identity";
import { findTokenOwner, listTokens, revokeToken } from "@boocode/store";
import { type Command, readName, userNamed } from "./command.ts";

export const tokenCommands: Record<string, Command> = {
  "token add": {
    usage: "USER [--name NAME] [--scopes read,ask] [--expires 30d|TIME]",
    does: "creates a token for an existing user and prints it",
    args: { min: 1, max: 7 },
    async run(pool, args) {
      const string = { type: "string" } as const;
      const options = { name: string, scopes: string, expires: string };
      const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
      const user = await userNamed(pool, positionals[0]);
      const scopes = Scopes.safeParse((values.scopes ?? "read,ask").split(","));
      if (!scopes.success) throw new Error(`--scopes: ${scopes.error.issues[0]?.message}`);
      const expiresAt = values.expires === undefined ? null : readExpiry(values.expires, new Date());
      const name = values.name === undefined ? undefined : readName(values.name);
      const { token } = await addUser(pool, user.name, { token: { name, scopes: scopes.data, expiresAt } });
      console.error(`a token for ${user.name}, shown only once:`);
      console.log(token);
    },
  },
  "token list": {
    usage: "USER",
    does: "prints a user's live tokens, a line of JSON each",
    args: { min: 1, max: 1 },
    async run(pool, [name]) {
      const user = await userNamed(pool, name);
      for (const token of await listTokens(pool, user.id)) console.log(JSON.stringify(token));
    },
  },
  "token revoke": {
    usage: "ID",
    does: "revokes one token",
    args: { min: 1, max: 1 },
    async run(pool, [text]) {
      const id = Id.safeParse(text);
      const userId = id.success ? await findTokenOwner(pool, id.data) : null;
      if (!id.success || userId === null) throw new Error("there is no such token; `token list USER` lists them");
      const revoked = await revokeToken(pool, "operator", { tokenId: id.data, userId });
      console.error(revoked ? "revoked" : "it was revoked before");
    },
  },
};

const DAY_MS = 24 * 60 * 60_000;

/** @throws when the text is neither a number of days nor a time in the future */
function readExpiry(text: string, now: Date): Date {
  const [, days] = /^(\d{1,5})d$/.exec(text) ?? [];
  const at = days ? new Date(now.getTime() + Number(days) * DAY_MS) : new Date(text);
  if (!(at > now))
    throw new Error("--expires must be a number of days like 30d, or a time like 2027-01-31T12:00:00Z in the future");
  return at;
}
