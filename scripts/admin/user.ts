import { parseArgs } from "node:util";
import { LimitChange, Role, Slug } from "@boocode/contracts";
import { addUser } from "@boocode/identity";
import { changeUser, deleteUser, findUserByName, listUsers, revokeAllTokens } from "@boocode/store";
import { type Command, readName, userNamed } from "./command.ts";

const ONE = { min: 1, max: 1 };

export const userCommands: Record<string, Command> = {
  "user add": {
    usage: "NAME [--admin] [--slug SLUG]",
    does: "creates a user, or another token for an existing one, and prints the token",
    args: { min: 1, max: 4 },
    async run(pool, args) {
      const options = { admin: { type: "boolean" }, slug: { type: "string" } } as const;
      const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
      const name = readName(positionals[0]);
      const slug = Slug.optional().safeParse(values.slug);
      if (!slug.success) throw new Error(`--slug: ${slug.error.issues[0]?.message}`);
      if ((values.admin || values.slug) && (await findUserByName(pool, name))) {
        throw new Error(`there is a user ${name}: its slug never changes, and \`user role\` changes its role`);
      }
      const role = values.admin ? ("admin" as const) : ("user" as const);
      const token = { scopes: values.admin ? (["read", "ask", "admin"] as const).slice() : undefined };
      const added = await addUser(pool, name, { role, slug: slug.data, token }).catch((error) => {
        if (error.constraint_name === "users_slug_key") throw new Error(`a user has or had the slug ${slug.data}`);
        throw error;
      });
      console.error(
        added.isNew ? `created user ${name}; this token is shown only once:` : `another token for ${name}:`,
      );
      console.log(added.token);
    },
  },
  "user list": {
    usage: "",
    does: "prints all users, a line of JSON each",
    args: { min: 0, max: 0 },
    async run(pool) {
      let after: string | undefined;
      do {
        const { users, next } = await listUsers(pool, { after, limit: 1_000 });
        for (const user of users) console.log(JSON.stringify(user));
        after = next ?? undefined;
      } while (after !== undefined);
    },
  },
  "user role": {
    usage: "NAME user|admin",
    does: "changes a user's role",
    args: { min: 2, max: 2 },
    async run(pool, [name, text]) {
      const role = Role.safeParse(text);
      if (!role.success) throw new Error("the role must be user or admin");
      await changeUser(pool, "operator", (await userNamed(pool, name)).id, { role: role.data });
      console.error(`${name} is ${role.data === "admin" ? "an administrator" : "no administrator"} now`);
      if (role.data === "admin")
        console.error("a token needs the scope `admin` too: `token add NAME --scopes read,ask,admin`");
    },
  },
  "user limits": {
    usage: "NAME JSON|none",
    does: 'sets all limits of a user that differ from USER_LIMITS, such as {"sessions":100}; null is no limit',
    args: { min: 2, max: 2 },
    async run(pool, [name, text = ""]) {
      const limits = text === "none" ? null : readLimits(text);
      await changeUser(pool, "operator", (await userNamed(pool, name)).id, { limits });
      console.error(limits ? `${name} has limits of their own now` : `${name} has the limits of USER_LIMITS now`);
    },
  },
  "user disable": {
    usage: "NAME",
    does: "lets a user do nothing until enabled again, and keeps everything",
    args: ONE,
    async run(pool, [name]) {
      await changeUser(pool, "operator", (await userNamed(pool, name)).id, { disabled: true });
      console.error(`disabled ${name}`);
    },
  },
  "user enable": {
    usage: "NAME",
    does: "enables a disabled user",
    args: ONE,
    async run(pool, [name]) {
      await changeUser(pool, "operator", (await userNamed(pool, name)).id, { disabled: false });
      console.error(`enabled ${name}`);
    },
  },
  "user delete": {
    usage: "NAME",
    does: "deletes a user with all projects and revokes the tokens; cannot be undone",
    args: ONE,
    async run(pool, [name]) {
      await deleteUser(pool, "operator", (await userNamed(pool, name)).id);
      console.error(`deleted ${name}; the data is purged later`);
    },
  },
  "user revoke": {
    usage: "NAME",
    does: "revokes all tokens of a user, and cancels the turns posted with them",
    args: ONE,
    async run(pool, [name]) {
      const count = await revokeAllTokens(pool, "operator", (await userNamed(pool, name)).id);
      console.error(`revoked ${count} tokens`);
    },
  },
};

/** @throws when the text is no JSON object of limits */
function readLimits(text: string): LimitChange {
  const example = 'limits are a JSON object such as {"sessions":100,"tokens_per_day":null}, or none';
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new Error(example, { cause });
  }
  const limits = LimitChange.safeParse(json);
  if (limits.success) return limits.data;
  const faults = limits.error.issues.map(({ path, message }) => [...path, message].join(": "));
  throw new Error(`${example}; ${faults.join("; ")}`);
}
