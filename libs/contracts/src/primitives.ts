import { z } from "zod";

export const Id = z.uuid();
export type Id = z.infer<typeof Id>;

/** ISO 8601 with milliseconds, in UTC. */
export const Timestamp = z.iso.datetime();

/** One line that people read in a list. */
export const Name = z
  .string()
  .trim()
  .min(1)
  .max(200)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it refuses
  .regex(/^[^\u0000-\u001f\u007f]*$/, "must not hold control characters");
