export * from "./add-user.ts";
export * from "./count-refusals.ts";
export * from "./tickets.ts";
export * from "./tokens.ts";
