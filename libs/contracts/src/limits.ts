import { z } from "zod";

/*
 * What one user may do and have. `rate`: so many a minute, which also may come at once. `stock`: so many at a time. `day`: so many a
 * day, in UTC.
 */
export const LIMITS = {
  requests_per_minute: { default: 3_000, kind: "rate", of: "requests to the API" },
  posts_per_minute: { default: 120, kind: "rate", of: "questions, also edited ones, and regenerated answers" },
  reads_per_minute: { default: 600, kind: "rate", of: "reads of the files and folders of projects" },
  searches_per_minute: { default: 300, kind: "rate", of: "searches" },
  sockets_per_minute: { default: 300, kind: "rate", of: "sockets and event streams that are opened" },
  messages_per_minute: { default: 300, kind: "rate", of: "messages and pings of one socket" },
  sockets: { default: 100, kind: "stock", of: "open sockets and event streams, at one gateway" },
  turns_waiting: { default: 100, kind: "stock", of: "turns that wait for a worker" },
  turns_running: { default: 20, kind: "stock", of: "turns that workers run" },
  sessions: { default: 5_000, kind: "stock", of: "sessions that the user created" },
  shares: { default: 200, kind: "stock", of: "live shares of sessions" },
  stored_bytes: { default: 5 * 1024 ** 3, kind: "stock", of: "bytes of the stored messages of the user's turns" },
  tokens_per_day: { default: 100_000_000, kind: "day", of: "tokens of prompts and answers" },
  tool_calls_per_day: { default: 50_000, kind: "day", of: "calls of tools" },
  bytes_per_day: {
    default: 1024 ** 3,
    kind: "day",
    of: "bytes of messages that are stored: questions, answers and outputs of tools",
  },
} as const satisfies Record<string, { default: number; kind: "rate" | "stock" | "day"; of: string }>;

export type LimitName = keyof typeof LIMITS;
export const LIMIT_NAMES = Object.keys(LIMITS) as [LimitName, ...LimitName[]];

type OfKind<K extends "rate" | "stock" | "day"> = {
  [Name in LimitName]: (typeof LIMITS)[Name]["kind"] extends K ? Name : never;
}[LimitName];
export type RateName = OfKind<"rate">;
/** The limits that are counted in Postgres. */
export type CountedName = Exclude<OfKind<"stock" | "day">, "sockets">;

/** Each limit; null: none. */
export type UserLimits = Record<LimitName, number | null>;

const limit = z.int().min(1).nullable();

/** Limits in place of others; null: no limit. */
export const LimitChange = z
  .strictObject(
    Object.fromEntries(
      LIMIT_NAMES.map((name) => [name, limit.describe(`${LIMITS[name].of}; null: no limit`)]),
    ) as Record<LimitName, typeof limit>,
  )
  .partial()
  .meta({ id: "LimitChange" });
export type LimitChange = z.infer<typeof LimitChange>;

/** A limit of the caller, and what of it is used. */
export const LimitState = z
  .object({
    limit: z.int().nullable().describe("Null: none."),
    used: z.int().nullable().describe("Null for what is not counted in the database."),
  })
  .meta({ id: "LimitState" });
export type LimitState = z.infer<typeof LimitState>;

export const LimitStates = z.object(
  Object.fromEntries(LIMIT_NAMES.map((name) => [name, LimitState])) as Record<LimitName, typeof LimitState>,
);
export type LimitStates = z.infer<typeof LimitStates>;
