export * from "./address.ts";
export * from "./bound-connections.ts";
export * from "./limits-env.ts";
export * from "./limits-of.ts";
export * from "./rate.ts";
export * from "./rate-headers.ts";
export * from "./rates.ts";
export * from "./sign-ins.ts";
