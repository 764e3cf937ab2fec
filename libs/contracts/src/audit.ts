import { z } from "zod";
import { Id, Timestamp } from "./primitives.ts";

/** The events of the audit log. */
export const AUDIT_EVENTS = {
  "user.created": "a user was created",
  "user.disabled": "a user was disabled",
  "user.enabled": "a disabled user was enabled",
  "user.deleted": "a user was deleted",
  "user.role_changed": "a user's role changed",
  "user.limits_changed": "a user was given other limits; none in the detail: those of USER_LIMITS",
  "user.exported": "a user downloaded all of their data",
  "user.linked": "a user was given an identity at an identity provider",
  "token.created": "a token was created",
  "token.revoked": "a token was revoked",
  "grant.added": "a user was granted a folder",
  "grant.revoked": "a user's grant was revoked",
  "project.shared": "a project was shared with a user, or that user's role in it changed",
  "project.unshared": "a user lost access to a project",
  "project.deleted": "a project was deleted",
  "share.created": "a user shared a session by a link",
  "share.revoked": "a share was revoked; one that ends with an access has no event of its own",
  "refused.unauthenticated": "a request or a socket had no valid credential",
  "refused.forbidden": "a caller may not do what it asked for",
  "refused.path": "a caller may not register the folder that it named",
} as const satisfies Record<string, string>;

export type AuditEventName = keyof typeof AUDIT_EVENTS;
export const AuditEventName = z.enum(Object.keys(AUDIT_EVENTS) as [AuditEventName, ...AuditEventName[]]);

/** A row of the audit log. It holds ids and settings, never a text of a conversation and never a secret. */
export const AuditEvent = z
  .object({
    id: z.int(),
    at: Timestamp,
    event: AuditEventName,
    actor: z.enum(["user", "operator", "service", "anonymous"]),
    actor_id: Id.nullable().describe("The user who did it."),
    token_id: Id.nullable().describe("The token with which it was done."),
    user_id: Id.nullable().describe("The user whom it concerns."),
    project_id: Id.nullable(),
    address: z.string().nullable().describe("The peer of a refused request; behind a proxy, the proxy."),
    detail: z.record(z.string(), z.unknown()),
    count: z.int().positive().describe("How often it happened between `at` and `last_at`."),
    last_at: Timestamp,
  })
  .meta({ id: "AuditEvent" });
export type AuditEvent = z.infer<typeof AuditEvent>;

export const AuditList = z
  .object({
    events: z.array(AuditEvent),
    has_more: z.boolean(),
    next: z.int().nullable().describe("The `before` of the next page; null: this is the last."),
  })
  .meta({ id: "AuditList" });
export type AuditList = z.infer<typeof AuditList>;

export const AuditQuery = z.strictObject({
  event: AuditEventName.optional(),
  user_id: Id.optional().describe("Only events that this user caused or that concern this user."),
  before: z.coerce.number().int().positive().optional().describe("Only events with a smaller id."),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
});
export type AuditQuery = z.infer<typeof AuditQuery>;
