import type { SessionView } from "@boocode/client";
import { type Citation, parseCursor } from "@boocode/contracts";
import { readMarkedText, readScript } from "./marked-text.ts";
import type { System } from "./start-system.ts";
import type { Subscriber } from "./subscriber.ts";

/** Resolves when every turn has ended. @throws when one has not within `ms` (T9) */
export async function untilAllEnded(system: System, ms: number): Promise<void> {
  const until = performance.now() + ms;
  for (;;) {
    const rows = await system.sql<{ id: string; status: string }[]>`
      select id, status from turns where status in ('queued', 'running', 'cancelling') limit 5`.catch(() => null);
    if (rows?.length === 0) return;
    if (performance.now() > until) throw new Error(`T9: turns that do not end: ${JSON.stringify(rows)}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/**
 * Checks what must be true in Postgres once every turn has ended, whatever happened to the system.
 * @returns the broken invariants, as text
 */
export async function brokenInvariants(
  system: System,
  options: { maxAttempts?: number; marked?: boolean } = {},
): Promise<string[]> {
  const { maxAttempts = 3, marked = true } = options;
  const { sql } = system;
  const broken: string[] = [];
  const say = (name: string, rows: readonly unknown[]) => {
    if (rows.length > 0) broken.push(`${name}: ${JSON.stringify(rows.slice(0, 3))}`);
  };
  say("a turn's history", await sql`select * from audit`);
  say("T1 not ended", await sql`select id, status from turns where status not in ('complete', 'failed', 'cancelled')`);
  say("a session's count of live turns", await sql`select id, live_turns from sessions where live_turns <> 0`);
  say("T1 ended without a time", await sql`select id from turns where finished_at is null`);
  say(
    "T2 a step twice",
    await sql`
    select turn_id, step from messages where role = 'assistant' and deleted_at is null
    group by turn_id, step having count(*) > 1`,
  );
  say(
    "T3 complete without an answer",
    await sql`
    select t.id from turns t where t.status = 'complete' and not exists (
      select from messages m where m.turn_id = t.id and m.role = 'assistant' and m.status = 'complete')
      and exists (select from messages q where q.turn_id = t.id and q.deleted_at is null)`,
  );
  say(
    "T3 a message still streams",
    await sql`
    select id from messages where status = 'streaming' and deleted_at is null`,
  );
  say(
    "T3 message and turn disagree",
    await sql`
    select m.id, m.status, t.status as turn from messages m join turns t on t.id = m.turn_id
    where m.deleted_at is null and m.role = 'assistant' and m.position = (
      select max(position) from messages l where l.turn_id = t.id and l.deleted_at is null and l.role = 'assistant')
      and m.status <> t.status
      -- Between two steps no message is open: the last one is a whole step, with its calls and their answers.
      and not (m.status = 'complete' and m.tool_calls is not null and t.status in ('failed', 'cancelled'))`,
  );
  say(
    "T5 too many attempts",
    await sql`
    select id, attempt, crashes, hand_backs from turns
    where crashes > ${maxAttempts} or attempt > 1 + crashes + hand_backs + (case when error_code = 'attempts_exhausted'
      or cancel_reason is not null then 1 else 0 end)`,
  );
  say(
    "T6 a question twice",
    await sql`
    select turn_id from messages where role = 'user' group by turn_id having count(*) > 1`,
  );
  say(
    "the ordinals have a gap",
    await sql`
    select s.id from sessions s join turns t on t.session_id = s.id group by s.id, s.last_ordinal
    having count(*) <> s.last_ordinal`,
  );
  if (marked) {
    // Every question of a test has its own key, so two equal ones in a session are one question that was stored twice.
    say(
      "T6 a question twice",
      await sql`
      select session_id, content from messages where role = 'user' and deleted_at is null
      group by session_id, content having count(*) > 1`,
    );
    broken.push(...(await brokenAnswers(system)));
  }
  return broken;
}

interface Answer {
  question: string;
  status: string;
  /** Its assistant messages in order, and the number of its tool outputs. */
  texts: string[];
  outputs: number;
}

/** T3, T4: every text comes from one request, and a complete turn has all its steps and words. */
async function brokenAnswers({ sql }: System): Promise<string[]> {
  const broken: string[] = [];
  const answers = await sql<(Answer & { id: string })[]>`
    select t.id, t.status, q.content as question, count(m.id) filter (where m.role = 'tool')::int as outputs,
      coalesce(json_agg(m.content order by m.position) filter (where m.role = 'assistant'), '[]') as texts
    from turns t join messages q on q.turn_id = t.id and q.role = 'user' and q.deleted_at is null
    left join messages m on m.turn_id = t.id and m.role <> 'user' and m.deleted_at is null
    group by t.id, q.content`;
  for (const { id, ...answer } of answers) {
    try {
      judgeAnswer(answer);
    } catch (error) {
      broken.push(`turn ${id}: ${(error as Error).message}`);
    }
  }
  return broken;
}

/** @throws when an answer differs from what its question told the model to send */
function judgeAnswer({ question, status, texts, outputs }: Answer): void {
  const isComplete = status === "complete";
  const read = texts.map((text, index) => readMarkedText(text, isComplete || index < texts.length - 1));
  if (!isComplete) return;
  const script = readScript(question);
  const steps = script.tool_depth ?? 0;
  const calls = script.tool === undefined ? 1 : [script.tool].flat().length;
  const found = [texts.length - 1, outputs, read.at(-1)?.words];
  const wanted = [steps, steps * calls, script.tokens];
  if (found.join() !== wanted.join())
    throw new Error(`T3 steps, outputs and words are ${found} and should be ${wanted}`);
}

/**
 * D4, D7: once faults stop, every subscriber shows exactly what is stored: the messages, how each turn ended, and no waiting
 * turn. Its cursor is in the attempt that ended its turn. Waits as long as the invariant allows.
 */
export async function subscribersAgree(
  system: System,
  subscribers: readonly Subscriber[],
  ms = 15_000,
): Promise<string[]> {
  const broken = await Promise.all(
    subscribers.map(async (subscriber) => {
      const truth = await readTruth(system, subscriber.follower.view.sessionId);
      const differs = () => difference(subscriber.follower.view, truth);
      await subscriber.follower.until(() => differs() === null, AbortSignal.timeout(ms)).catch(() => {});
      const found = differs();
      return found === null ? subscriber.broken : [...subscriber.broken, `D7: session ${truth.sessionId}: ${found}`];
    }),
  );
  return broken.flat();
}

interface Truth {
  sessionId: string;
  messages: { id: string; content: string; status: string; citations?: Citation[] | null }[];
  turns: { id: string; ordinal: number; attempt: number; status: string; cancel_reason: string | null }[];
}

async function readTruth({ sql }: System, sessionId: string): Promise<Truth> {
  const messages = await sql<Truth["messages"]>`
    select id, content, status, citations from messages where session_id = ${sessionId} and deleted_at is null
    order by turn_ordinal, position`;
  const turns = await sql<Truth["turns"]>`
    select id, ordinal, attempt, status, cancel_reason from turns where session_id = ${sessionId} order by ordinal`;
  return { sessionId, messages, turns };
}

/** In an order of its fields that is the same in Postgres and in frames. */
const keyed = ({ start, end, path, first, last, level, moved_to: to }: Citation) =>
  [start, end, path, first, last, level, to?.first, to?.last].join(" ");

/** @returns how a view differs from what is stored; null when it does not */
function difference(view: SessionView, { messages, turns }: Truth): string | null {
  if (view.error) return `ended with ${view.error}`;
  const texts = (some: readonly Truth["messages"][number][]) =>
    JSON.stringify(
      some.map(({ id, content, status, citations }) => [id, content, status, citations?.map(keyed) ?? null]),
    );
  const first = view.hasMore ? messages.findIndex(({ id }) => id === view.messages[0]?.id) : 0;
  // A long tool output is shown as far as it fits into a frame, marked `shortened`.
  const cut = messages.slice(Math.max(0, first)).map((message, index) => {
    const shown = view.messages[index];
    return shown?.shortened ? { ...message, content: message.content.slice(0, shown.content.length) } : message;
  });
  if (texts(view.messages) !== texts(cut)) {
    return `shows ${texts(view.messages).slice(0, 600)}, but stored is ${texts(cut).slice(0, 600)}`;
  }
  if (view.queue.length > 0) {
    return `still shows waiting turns at ${view.cursor} and version ${view.version}: ${JSON.stringify([view.queue, turns])}`;
  }
  const cursor = parseCursor(view.cursor);
  for (const turn of turns) {
    const shown = view.turns[turn.id]?.status ?? "ended";
    // A turn that REST no longer lists has ended; its messages do not always show how.
    if (shown !== turn.status && shown !== "ended") return `turn ${turn.id} shows ${shown}, but is ${turn.status}`;
    const attempt = cursor?.epoch.ordinal === turn.ordinal ? cursor.epoch.attempt : turn.attempt;
    if (attempt !== turn.attempt)
      return `the cursor is ${view.cursor}, but turn ${turn.ordinal} ended in attempt ${turn.attempt}`;
  }
  return null;
}
