export * from "./append.ts";
export * from "./check-redis.ts";
export * from "./envelope.ts";
export * from "./follow.ts";
export * from "./keys.ts";
export * from "./publish.ts";
export * from "./read-log.ts";
