export * from "./turn-queue.ts";
