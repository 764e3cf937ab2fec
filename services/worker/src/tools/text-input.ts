import { z } from "zod";

/** A string that an operating system takes in a path or an argument: not empty, no NUL, at most `max` characters. */
export function textInput(max: number, description: string) {
  return z
    .string()
    .min(1)
    .max(max)
    .refine((text) => !text.includes("\0"), "must not hold a NUL character")
    .describe(description);
}

/** Linux's PATH_MAX. */
export const MAX_PATH_LENGTH = 4096;
