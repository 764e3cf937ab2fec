export * from "./consume-queue.ts";
export * from "./turn-queue.ts";
