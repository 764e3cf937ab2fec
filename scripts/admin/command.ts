import { Name } from "@boocode/contracts";
import type { Postgres } from "@boocode/runtime";
import { findUserByName } from "@boocode/store";

/** A command of the administrator: results go to the standard output, explanations to the error output. */
export interface Command {
  /** The arguments, as the usage names them. */
  usage: string;
  does: string;
  args: { min: number; max: number };
  /** @throws an error whose message is for the administrator */
  run(pool: Postgres, args: string[]): Promise<void>;
}

/** @throws when the text cannot be a user's name */
export function readName(text: string | undefined): string {
  const name = Name.safeParse(text);
  if (!name.success) throw new Error(`NAME ${name.error.issues[0]?.message}`);
  return name.data;
}

/** @throws when there is no such user */
export async function userNamed(pool: Postgres, text: string | undefined) {
  const name = readName(text);
  const user = await findUserByName(pool, name);
  if (!user) throw new Error(`no user is named ${name}`);
  return user;
}
