import { MAX_ANSWER_BYTES, type Message, type MessagePlace } from "@boocode/contracts";
import { fitNewest } from "./fit-messages.ts";
import { planPage } from "./plan-page.ts";
import { readCut, readSizes } from "./read-messages.ts";
import type { Fragment, Sql } from "./sql.ts";

/** For the messages of a page; the rest is for the live turns. */
export const PAGE_BYTES = MAX_ANSWER_BYTES - 1_500_000;
/** More messages do not fit into an answer. */
const MOST_MESSAGES = 10_000;

export interface MessagePage {
  limit: number;
  /** Only messages before this place. */
  before?: MessagePlace | undefined;
}

/**
 * Reads a page of messages in the order of the conversation, the newest ones; see `planPage`.
 * @param which a condition on `messages m` that selects those of one session which the reader may read
 * @param options `isOfOneTurn`: the pages are of one turn, so that they cannot have whole turns
 */
export async function readMessagePage(
  sql: Sql,
  which: Fragment,
  { limit, before }: MessagePage,
  { isOfOneTurn = false } = {},
): Promise<{ messages: Message[]; has_more: boolean; next_before: string | null }> {
  const sizesUpTo = (most: number) =>
    readSizes(
      sql,
      sql`messages m where ${which}
        ${before ? sql`and (m.turn_ordinal, m.position) < (${before.turn_ordinal}::int, ${before.position}::int)` : sql``}
      order by m.turn_ordinal desc, m.position desc limit ${most}`,
    );
  let sizes = await sizesUpTo(limit + 1);
  const isOneTurn = sizes.length > limit && sizes.at(-1)?.turn_ordinal === sizes[0]?.turn_ordinal;
  if (isOneTurn && !isOfOneTurn) sizes = await sizesUpTo(MOST_MESSAGES);
  const cuts = planPage(isOfOneTurn ? sizes.slice(0, limit) : sizes, limit, PAGE_BYTES);
  const messages = fitNewest(await readCut(sql, cuts), PAGE_BYTES);
  const [first] = messages;
  const has_more = sizes.length > messages.length;
  return { messages, has_more, next_before: first && has_more ? `${first.turn_ordinal}.${first.position}` : null };
}
