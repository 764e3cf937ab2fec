import { z } from "zod";
import { Id, Timestamp } from "./primitives.ts";
import { cleanText } from "./text.ts";

export const MAX_QUERY_LENGTH = 200;
export const MAX_QUERY_TERMS = 10;

const SEARCHABLE = /[\p{L}\p{N}\p{Extended_Pictographic}]/u;

/** What a user searches for: terms, separated by blanks, of which a text must have each. All characters are literal. */
export const SearchQuery = z
  .string()
  .overwrite((text) => cleanText(text).trim())
  .min(1, "must not be empty")
  .max(MAX_QUERY_LENGTH)
  .refine((text) => SEARCHABLE.test(text), "must have a letter or a digit")
  .refine((text) => text.split(/\s+/u).length <= MAX_QUERY_TERMS, `must have at most ${MAX_QUERY_TERMS} terms`)
  .describe(
    "Finds what has each of these terms, which blanks separate, in any case and order. A term is found where a word or a part of an identifier begins: `bar` in `fooBar`, `src/a` in `src/a.ts`.",
  );

/** A part of a text, in UTF-16 units. */
export const TextRange = z
  .object({ start: z.int().nonnegative(), end: z.int().positive().describe("The unit after the last one.") })
  .meta({ id: "TextRange" });
export type TextRange = z.infer<typeof TextRange>;

/** A part of a found text. Text, not HTML. */
export const Excerpt = z
  .object({
    text: z.string(),
    offset: z.int().nonnegative().describe("Where the excerpt begins in the whole text, in UTF-16 units."),
    ranges: z.array(TextRange).describe("What was searched for, in the excerpt."),
  })
  .meta({ id: "Excerpt" });
export type Excerpt = z.infer<typeof Excerpt>;

/** Where a session has what was searched for. */
export const SearchMatch = z
  .object({
    in: z.enum(["name", "question", "answer"]),
    message_id: Id.nullable().describe("null: the session's name."),
    turn_id: Id.nullable(),
    at: Timestamp.describe("When the message was created; of a name, the session."),
    excerpt: Excerpt,
  })
  .meta({ id: "SearchMatch" });
export type SearchMatch = z.infer<typeof SearchMatch>;

/** The most matches that an answer gives for one session. */
export const MATCHES_PER_SESSION = 3;
/** The most sessions or projects of an answer to a search. */
export const MAX_FOUND = 50;
