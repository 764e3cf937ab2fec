import { z } from "zod";

/** In lower case: ids are parts of the names of channels and keys, so each id must have one spelling. */
export const Id = z.uuid().toLowerCase();
export type Id = z.infer<typeof Id>;

/** ISO 8601 with milliseconds, in UTC. */
export const Timestamp = z.iso.datetime();

const LONE_SURROGATE = /\p{Surrogate}/u;

/** A name that lists show, on one line. Control characters and lone surrogates are rejected, not removed: nobody types them. */
export const Name = z
  .string()
  .trim()
  .min(1)
  .max(200)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the pattern is there to reject control characters
  .regex(/^[^\u0000-\u001f\u007f]*$/, "must not contain control characters")
  .refine((text) => !LONE_SURROGATE.test(text), "must be well-formed Unicode");

/** A path on the host of the services. */
export const AbsolutePath = z.string().min(1).max(4096).startsWith("/", "must be absolute");
