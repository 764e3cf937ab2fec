import { z } from "zod";

/** The limit of a JSON answer of REST, in bytes. Longer lists are paged, and long texts are cut. */
export const MAX_ANSWER_BYTES = 8_000_000;

/** What every answer with a page states. */
export const pageEnd = {
  has_more: z.boolean().describe("Whether there is another page."),
  next_before: z.string().nullable().describe("The `before` of the next page; null: this is the last."),
};

/** What the answer with a list states that has so few entries that it is never paged. */
export const wholeList = { has_more: z.boolean().describe("Always false: the list is whole.") };

/** A place in a list that is ordered by a time and an id. */
export interface ListPlace {
  /** In microseconds since 1970: Postgres compares times that precisely. */
  micros: string;
  id: string;
  /** The first 12 digits of the ids of sessions that a search has listed before. */
  seen?: string[];
}

const PLACE = /^(\d{1,16})\.([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?:\.((?:[0-9a-f]{12}){0,200}))?$/;

/** The query of a paged list. @param most the largest page, which is also the default */
export const pageQuery = (most: number) =>
  z.strictObject({
    limit: z.coerce.number<string>().int().min(1).max(most).default(most),
    before: z
      .string()
      .regex(PLACE, "must be the `next_before` of an answer")
      .transform((text): ListPlace => {
        const [, micros = "", id = "", seen = ""] = PLACE.exec(text) ?? [];
        return { micros, id, ...(seen ? { seen: seen.match(/.{12}/g) ?? [] } : {}) };
      })
      .optional()
      .describe("The `next_before` of the last answer: opaque."),
  });
