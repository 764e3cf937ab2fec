import { z } from "zod";
import { readPostgresTarget } from "../postgres/postgres-target.ts";
import { redisEnv } from "../redis/redis-env.ts";
import { failpoints } from "./failpoints.ts";

/** The types of environment variables. */

/** One message for every invalid number; zod's own messages, one per check, do not say what is allowed. */
const whole = (wanted: string, least: number, most = Number.MAX_SAFE_INTEGER) =>
  z.coerce.number<string>(wanted).int(wanted).min(least, wanted).max(most, wanted);

export const port = whole("must be a port, 0 to 65535", 0, 65_535);

export const count = (least = 1) => whole(`must be a whole number, ${least} or more`, least);

/** Node fires a timer immediately if its delay is longer than this. */
const LONGEST_MS = 2_147_483_647;

/** A duration in milliseconds. */
export const duration = (leastMs = 1) =>
  whole(`must be a whole number of milliseconds, ${leastMs} to ${LONGEST_MS}`, leastMs, LONGEST_MS);

export const url = (...protocols: string[]) =>
  z.string("is required").refine(
    (text) => {
      try {
        return protocols.includes(new URL(text).protocol);
      } catch {
        return false;
      }
    },
    `must be a URL that begins with ${protocols.map((protocol) => `${protocol}//`).join(" or ")}`,
  );

const postgresUrl = z.string("is required").superRefine((text, context) => {
  try {
    readPostgresTarget(text);
  } catch (error) {
    context.addIssue((error as Error).message);
  }
});

/** The variable of a tool that needs only the database. */
export const databaseEnv = z.object({ DATABASE_URL: postgresUrl });

/** The variables of the migrate command: with `MIGRATION_DATABASE_URL`, `DATABASE_URL` is the one of the services. */
export const migrationEnv = databaseEnv.extend({ MIGRATION_DATABASE_URL: postgresUrl.optional() });

/** The variables of every service. */
export const commonEnv = {
  DATABASE_URL: postgresUrl,
  /** 1: a service does not start with a role that may do more than read and write rows. */
  REQUIRE_LEAST_PRIVILEGE: z.enum(["0", "1"], "must be 0 or 1").default("0"),
  ...redisEnv,
  /** Prefix of every key and channel in Redis. */
  REDIS_PREFIX: z
    .string()
    .regex(/^[a-z0-9_-]{1,40}$/, "must be 1 to 40 of a-z, 0-9, _ and -")
    .default("boocode"),
  HOST: z.string().default("127.0.0.1"),
  /** Used only by tests. */
  FAULT_POINTS: failpoints,
  LOG_LEVEL: z.enum(["fatal", "error", "warn", "info", "debug", "trace", "silent"]).default("info"),
  /** A blocked event loop ends the process after this time; 0 turns the watchdog off. */
  WATCHDOG_MS: duration(0)
    .refine((ms) => ms === 0 || ms >= 1_000, "must be 0, which turns the watchdog off, or at least 1000")
    .default(30_000),
};

/** @returns the origin as browsers send it, or null. An origin such as that of a native app's web view stays as it is. */
function toOrigin(text: string): string | null {
  if (text === "*") return text;
  // A pattern such as https://*.app.example would match no page.
  const url = /^[a-z][a-z0-9+.-]*:\/\/[^/?#@*\s]+$/i.test(text) ? URL.parse(text) : null;
  return url && (url.origin === "null" ? text : url.origin);
}

/**
 * Origins of web pages, separated by commas: `https://app.example`, or `*` for all. Blanks and trailing slashes do not count,
 * because browsers compare origins letter by letter and would refuse without a word.
 */
export const origins = z
  .string()
  .default("")
  .transform((text) => text.split(",").map((part) => part.trim().replace(/\/+$/, "")))
  .transform((parts) => parts.filter((part) => part !== "").map(toOrigin))
  .refine(
    (list): list is string[] => !list.includes(null),
    "must be origins such as https://app.example, separated by commas, or *",
  );

const PAGES = ["metrics", "docs", "openapi"] as const;

/** PUBLIC_PAGES: which pages besides the API itself are served without a credential, separated by commas; `none` for none. */
export const publicPages = z
  .string()
  .default(PAGES.join(","))
  .transform((text) => text.split(",").map((page) => page.trim()))
  .transform((pages) => (pages.join() === "none" ? [] : pages))
  .refine(
    (pages): pages is (typeof PAGES)[number][] => pages.every((page) => (PAGES as readonly string[]).includes(page)),
    `must be none, or of ${PAGES.join(", ")}, separated by commas`,
  );

/** Absolute paths of folders, separated by colons. */
export const folders = z
  .string("is required")
  .transform((text) => text.split(":").filter((folder) => folder !== ""))
  .refine((list) => list.length > 0, "must name at least one folder")
  .refine((list) => list.every((folder) => folder.startsWith("/")), "must be absolute paths, separated by colons");

/** Templates of folders, separated by colons, in each of which the placeholder `{user}` is one whole name: `/srv/code/{user}`. */
const userFolders = z
  .string()
  .default("")
  .transform((text) => text.split(":").filter((folder) => folder !== ""))
  .refine(
    (list) =>
      list.every((folder) => {
        const [root, ...names] = folder.split("/");
        const placeholders = names.filter((name) => name.includes("{"));
        return root === "" && !names.includes("..") && placeholders.length === 1 && placeholders[0] === "{user}";
      }),
    "must be absolute paths, separated by colons, with {user} once in each, as a whole name: /srv/code/{user}",
  );

/** Which folders users' projects may lie in. */
export const folderEnv = {
  /** Each granted folder must lie in one of these. */
  PROJECT_ROOTS: folders,
  /** The folder that each user has without a grant. */
  USER_ROOTS: userFolders,
};

/** The variables of a tool that grants folders. Without PROJECT_ROOTS, only the services compare a grant with theirs. */
export const folderToolEnv = z.object({ PROJECT_ROOTS: folders.optional(), USER_ROOTS: userFolders });
