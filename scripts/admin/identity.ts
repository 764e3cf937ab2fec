import { linkIdentity } from "@boocode/store";
import { type Command, userNamed } from "./command.ts";

export const identityCommands: Record<string, Command> = {
  "identity link": {
    usage: "NAME ISSUER SUBJECT",
    does: "lets a user in with access tokens of this subject at an identity provider",
    args: { min: 3, max: 3 },
    async run(pool, [name, issuer = "", subject = ""]) {
      const user = await userNamed(pool, name);
      if (!URL.canParse(issuer)) throw new Error("ISSUER must be a URL, as OIDC_ISSUER names it");
      if (!(await linkIdentity(pool, user.id, { issuer, subject })))
        throw new Error("a user has this identity already");
      console.error(`linked ${subject} to ${user.name}`);
    },
  },
};
