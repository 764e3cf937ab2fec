import { z } from "zod";
import { Id, Timestamp } from "./primitives.ts";

/**
 * What a token permits: `read` to list, read and follow; `ask` to create, change, ask, cancel and delete; `admin` to use the
 * administrators' routes, if its user is one. A scope includes no other.
 */
export const Scope = z.enum(["read", "ask", "admin"]);
export type Scope = z.infer<typeof Scope>;

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
  })
  .meta({ id: "Me" });
export type Me = z.infer<typeof Me>;

/** A user, as administrators see one. */
export const User = z
  .object({
    id: Id,
    name: z.string(),
    slug: z.string().describe("Names the user's folder below USER_ROOTS; never changes."),
    role: Role,
    created_at: Timestamp,
    disabled_at: Timestamp.nullable(),
  })
  .meta({ id: "User" });
export type User = z.infer<typeof User>;

export const UserList = z.object({ users: z.array(User) }).meta({ id: "UserList" });
