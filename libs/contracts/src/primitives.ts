import { z } from "zod";

/** Channels and keys are named by ids, so that there is one way to write each. */
export const Id = z.uuid().toLowerCase();
export type Id = z.infer<typeof Id>;

/** ISO 8601 with milliseconds, in UTC. */
export const Timestamp = z.iso.datetime();

const LONE_SURROGATE = /\p{Surrogate}/u;

/** One line that people read in a list. It is refused, rather than mended, when it holds what nobody types. */
export const Name = z
  .string()
  .trim()
  .min(1)
  .max(200)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it refuses
  .regex(/^[^\u0000-\u001f\u007f]*$/, "must not hold control characters")
  .refine((text) => !LONE_SURROGATE.test(text), "must be well-formed Unicode");
