export * from "./add-user.ts";
export * from "./tickets.ts";
export * from "./tokens.ts";
