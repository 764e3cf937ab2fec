import { addUser } from "@boocode/identity";
import { revokeTokens } from "@boocode/store";
import { type Command, readName, userNamed } from "./command.ts";

export const userCommands: Record<string, Command> = {
  "user add": {
    usage: "NAME",
    does: "creates a user, or another token for an existing one, and prints the token",
    args: { min: 1, max: 1 },
    async run(pool, [given]) {
      const name = readName(given);
      const { token, isNew } = await addUser(pool, name);
      console.error(isNew ? `created user ${name}; this token is shown only once:` : `another token for ${name}:`);
      console.log(token);
    },
  },
  "user revoke": {
    usage: "NAME",
    does: "revokes all tokens of a user",
    args: { min: 1, max: 1 },
    async run(pool, [name]) {
      const user = await userNamed(pool, name);
      console.error(`revoked ${await revokeTokens(pool, user.id)} tokens`);
    },
  },
};
