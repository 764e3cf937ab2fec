import { z } from "zod";
import { Id } from "./primitives.ts";

const tokens = () => z.int().nonnegative();

/** What model calls used. Counts of several calls are added up field by field. */
export const UsageCounts = z
  .object({
    calls: z.int().nonnegative().describe("Requests that a model server began to answer."),
    prompt_tokens: tokens(),
    cached_tokens: tokens().describe("The part of `prompt_tokens` that the server had cached, where it reports that."),
    answer_tokens: tokens().describe("Including reasoning and tool calls."),
    reasoning_tokens: tokens().describe(
      "The part of `answer_tokens` that is reasoning, where the server reports that.",
    ),
    estimated_tokens: tokens().describe(
      "The part of `prompt_tokens` and `answer_tokens` that no server reported, so that it is an estimate.",
    ),
  })
  .meta({ id: "UsageCounts" });
export type UsageCounts = z.infer<typeof UsageCounts>;

/**
 * `answer`: replies that the conversation shows. `broken`: replies that it does not show, such as cut, cancelled or repeated ones.
 * `naming`: the replies to requests for a session's name.
 */
export type UsageKind = "answer" | "broken" | "naming";

/** A part of the usage of a turn, or of a run of naming. The worker and the store exchange it; no client sees it. */
export interface UsageEntry extends UsageCounts {
  kind: UsageKind;
  /** The requested model. */
  model: string;
}

export const USAGE_DIMENSIONS = ["day", "user", "model", "project"] as const;
export type UsageDimension = (typeof USAGE_DIMENSIONS)[number];

/** The most days of a report, first and last included. */
export const MAX_USAGE_DAYS = 366;
/** The most groups of a report. */
export const MAX_USAGE_GROUPS = 1_000;

const DIMENSION = USAGE_DIMENSIONS.join("|");
const Day = z.iso.date().regex(/^2/, "must be a day from the year 2000 on");

export const UsageQuery = z.strictObject({
  by: z
    .string()
    .regex(new RegExp(`^(${DIMENSION})(,(${DIMENSION})){0,3}$`), `must be a list of ${USAGE_DIMENSIONS.join(", ")}`)
    .default("day")
    .describe("What the groups differ in: `day`, `user`, `model`, `project`, or several of them with commas between."),
  from: Day.optional().describe("The first day, in UTC. Default: 29 days before `to`."),
  to: Day.optional().describe(`The last day, in UTC. Default: today. A report has at most ${MAX_USAGE_DAYS} days.`),
});

export const UsageGroup = z
  .object({
    day: z.iso.date().optional().describe("In UTC: when the turn ended, or the session was named."),
    user_id: Id.optional(),
    user_name: z.string().nullable().optional().describe("null when the user no longer exists."),
    model: z.string().optional().describe("As the session's turns name it."),
    project_id: Id.optional(),
    project_name: z.string().optional(),
    total: UsageCounts,
    broken: UsageCounts.describe(
      "The part of `total` for replies that no conversation shows: cut, cancelled, repeated or lost with their worker.",
    ),
    naming: UsageCounts.describe("The part of `total` for the names of sessions."),
  })
  .meta({ id: "UsageGroup" });
export type UsageGroup = z.infer<typeof UsageGroup>;

export const UsageReport = z
  .object({
    from: z.iso.date(),
    to: z.iso.date(),
    groups: z.array(UsageGroup).describe("The newest days first, and within a day those with the most tokens."),
    more: z.boolean().describe(`Whether there are more than ${MAX_USAGE_GROUPS} groups; the others are left out.`),
  })
  .meta({ id: "UsageReport" });
export type UsageReport = z.infer<typeof UsageReport>;
