export * from "./add-user.ts";
export * from "./allowed-folders.ts";
export * from "./count-refusals.ts";
export * from "./decide-token.ts";
export * from "./find-overlaps.ts";
export * from "./tickets.ts";
export * from "./token-uses.ts";
export * from "./tokens.ts";
