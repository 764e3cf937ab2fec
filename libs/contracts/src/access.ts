import { z } from "zod";
import { LimitChange, LimitStates } from "./limits.ts";
import { wholeList } from "./pages.ts";
import { AbsolutePath, Id, Name, Timestamp } from "./primitives.ts";
import { UsageCounts } from "./usage.ts";

/**
 * What a token permits: `read` to list, read and follow; `ask` to create, change, ask, cancel and delete; `admin` to use the
 * administrators' routes, if its user is one. A scope includes no other.
 */
export const Scope = z.enum(["read", "ask", "admin"]);
export type Scope = z.infer<typeof Scope>;

export const Scopes = z
  .array(Scope)
  .min(1)
  .max(Scope.options.length)
  .refine((scopes) => new Set(scopes).size === scopes.length, "must not repeat a scope");

export const Role = z.enum(["user", "admin"]);
export type Role = z.infer<typeof Role>;

/** The caller of a request, as `GET /api/me` answers. */
export const Me = z
  .object({
    id: Id,
    name: z.string(),
    role: Role,
    scopes: z.array(Scope),
    expires_at: Timestamp.nullable().describe("When the token of this request expires; null: never."),
    usage_today: UsageCounts.describe("Of the turns that ended today, a day in UTC; see `GET /api/usage`."),
    limits: LimitStates.describe("What the caller may do and have, and what of it is used."),
  })
  .meta({ id: "Me" });
export type Me = z.infer<typeof Me>;

/** A token, without its secret. */
export const Token = z
  .object({
    id: Id,
    name: z.string().nullable(),
    scopes: z.array(Scope),
    created_at: Timestamp,
    expires_at: Timestamp.nullable().describe("Null: never."),
    last_used_at: Timestamp.nullable().describe("To about a minute; null: not yet."),
  })
  .meta({ id: "Token" });
export type Token = z.infer<typeof Token>;

export const TokenList = z.object({ tokens: z.array(Token), ...wholeList }).meta({ id: "TokenList" });

export const CreatedToken = Token.extend({
  token: z.string().describe("The secret itself. No other answer contains it."),
}).meta({ id: "CreatedToken" });
export type CreatedToken = z.infer<typeof CreatedToken>;

export const CreateToken = z
  .strictObject({
    name: Name,
    scopes: Scopes.describe("A caller's own token must have each of them."),
    expires_at: Timestamp.nullable()
      .optional()
      .describe(
        "Null: never. Absent: never, or when the caller's own token expires, which is also the latest time for it.",
      ),
  })
  .meta({ id: "CreateToken" });
export type CreateToken = z.infer<typeof CreateToken>;

/** Limit of a user's tokens that are neither revoked nor expired. */
export const MAX_TOKENS = 100;

/** Names a user's folder below USER_ROOTS. */
export const Slug = z
  .string()
  .max(60)
  .regex(/^[a-z0-9][a-z0-9-]*$/, "must consist of a-z, 0-9 and -, and must not begin with -");

/** A user, as administrators see one. */
export const User = z
  .object({
    id: Id,
    name: z.string(),
    slug: z.string().describe("Names the user's folder below USER_ROOTS; never changes."),
    role: Role,
    created_at: Timestamp,
    disabled_at: Timestamp.nullable(),
    limits: LimitChange.nullable().describe("What an administrator set in place of USER_LIMITS; null: nothing."),
  })
  .meta({ id: "User" });
export type User = z.infer<typeof User>;

export const UserList = z
  .object({
    users: z.array(User),
    has_more: z.boolean(),
    next: z.string().nullable().describe("The `after` of the next page; null: this is the last."),
  })
  .meta({ id: "UserList" });
export type UserList = z.infer<typeof UserList>;

export const UserQuery = z.strictObject({
  after: Name.optional().describe("Only users whose names come after this one."),
  limit: z.coerce.number<string>().int().min(1).max(1_000).default(100),
});

export const CreateUser = z
  .strictObject({
    name: Name,
    role: Role.default("user"),
    slug: Slug.optional().describe("By default made from the name."),
  })
  .meta({ id: "CreateUser" });

export const ChangeUser = z
  .strictObject({
    role: Role.optional(),
    disabled: z.boolean().optional(),
    limits: LimitChange.nullable()
      .optional()
      .describe("All limits of this user that differ from USER_LIMITS; null: none do."),
  })
  .refine((change) => Object.values(change).some((value) => value !== undefined), "must change something")
  .meta({ id: "ChangeUser" });
export type ChangeUser = z.infer<typeof ChangeUser>;

/** A folder in which a user's projects may lie, with everything below it. */
export const Grant = z
  .object({
    id: Id,
    path: z.string().describe("A real path, without symlinks."),
    granted_by: Id.nullable().describe("The administrator; null when it was granted by a command or a migration."),
    created_at: Timestamp,
  })
  .meta({ id: "Grant" });
export type Grant = z.infer<typeof Grant>;

export const GrantList = z.object({ grants: z.array(Grant), ...wholeList }).meta({ id: "GrantList" });

/** Where the caller's projects may lie, as `GET /api/me/grants` answers. */
export const OwnGrantList = z
  .object({
    grants: z
      .array(z.object({ path: z.string().describe("A real path, without symlinks. The folder may be missing.") }))
      .describe("By path. A project may lie in each of them, and in every folder below."),
    ...wholeList,
  })
  .meta({ id: "OwnGrantList" });
export type OwnGrantList = z.infer<typeof OwnGrantList>;

export const CreateGrant = z
  .strictObject({
    path: AbsolutePath.describe("Must be a directory within PROJECT_ROOTS; stored with its symlinks resolved."),
  })
  .meta({ id: "CreateGrant" });
