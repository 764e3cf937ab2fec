export * from "./consume-queue.ts";
export * from "./move-old-jobs.ts";
export * from "./turn-queue.ts";
