export * from "./tickets.ts";
export * from "./tokens.ts";
