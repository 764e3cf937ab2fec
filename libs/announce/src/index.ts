export * from "./announce.ts";
