import { z } from "zod";
import { GoingAway } from "./frames.ts";
import { Id } from "./primitives.ts";
import { Project } from "./projects.ts";
import { SessionSummary } from "./sessions.ts";

/** User frames are hints: each states one item of the lists as of `version`. A client that missed one reloads the lists. */
const userFrame = { version: z.int().positive() };

export const ProjectCreated = z.object({ type: z.literal("project_created"), ...userFrame, project: Project });
export const ProjectUpdated = z.object({ type: z.literal("project_updated"), ...userFrame, project: Project });
export const ProjectDeleted = z.object({ type: z.literal("project_deleted"), ...userFrame, project_id: Id });
export const SessionCreated = z.object({ type: z.literal("session_created"), ...userFrame, session: SessionSummary });
export const SessionUpdated = z.object({ type: z.literal("session_updated"), ...userFrame, session: SessionSummary });
export const SessionDeleted = z.object({
  type: z.literal("session_deleted"),
  ...userFrame,
  session_id: Id,
  project_id: Id,
});

export const PublishedUserFrame = z.discriminatedUnion("type", [
  ProjectCreated,
  ProjectUpdated,
  ProjectDeleted,
  SessionCreated,
  SessionUpdated,
  SessionDeleted,
]);
export type PublishedUserFrame = z.infer<typeof PublishedUserFrame>;

/** From the gateway: the subscription is live, and the user's lists are at `version`. */
export const UserSubscribed = z.object({ type: z.literal("subscribed"), version: z.int().nonnegative() });
/** From the gateway: something was missed, so the client must reload projects and sessions. */
export const UserSnapshot = z.object({ type: z.literal("snapshot"), version: z.int().nonnegative() });

export const UserFrame = z.discriminatedUnion("type", [
  ...PublishedUserFrame.options,
  UserSubscribed,
  UserSnapshot,
  GoingAway,
]);
export type UserFrame = z.infer<typeof UserFrame>;
