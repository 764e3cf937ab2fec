export * from "./catalog.ts";
export * from "./default-model.ts";
export * from "./fetch-model-list.ts";
export * from "./locate-model.ts";
export * from "./model-server.ts";
export * from "./model-server-env.ts";
export * from "./server-traits.ts";
