import { count } from "@boocode/runtime";
import { z } from "zod";

const DAY_S = 24 * 60 * 60;

/** The API's settings of shares. */
export const shareEnv = {
  /** How long a share is live when its user does not say, and at most, in days. */
  SHARE_DAYS: count().default(30),
  SHARE_MAX_DAYS: count().default(365),
  /** 1: shares may be made for anyone with the link. */
  PUBLIC_SHARES: z.enum(["0", "1"], "must be 0 or 1").default("0"),
  /** What all readers behind one address, or IPv6 network, may ask who are not signed in. */
  SHARE_READS_PER_MINUTE: count().default(120),
};

export interface ShareSettings {
  /** In seconds. */
  defaultS: number;
  maxS: number;
  /** Whether readers need not be signed in. */
  isPublic: boolean;
  /** Of those behind one address who are not. */
  readsPerMinute: number;
}

export function readShareSettings(env: {
  SHARE_DAYS: number;
  SHARE_MAX_DAYS: number;
  PUBLIC_SHARES: string;
  SHARE_READS_PER_MINUTE: number;
}): ShareSettings {
  const days = Math.min(env.SHARE_DAYS, env.SHARE_MAX_DAYS);
  return {
    defaultS: days * DAY_S,
    maxS: env.SHARE_MAX_DAYS * DAY_S,
    isPublic: env.PUBLIC_SHARES === "1",
    readsPerMinute: env.SHARE_READS_PER_MINUTE,
  };
}
