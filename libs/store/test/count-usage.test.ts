import { randomUUID } from "node:crypto";
import type { MessageContext, TurnEnd, UsageEntry } from "@boocode/contracts";
import {
  type ClaimedTurn,
  cancelTurn,
  commitStep,
  endOrphan,
  endTurn,
  nameSession,
  releaseTurn,
  requeueCutTurn,
  requeueOrphans,
  saveDrafts,
  saveToolCalls,
  startMessage,
  takeOverClaim,
  withdrawTurn,
} from "@boocode/store";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { claim, letLeaseDie, newPlace, ORPHANS, post, reply, turnRow, used, useStore } from "./fixture.ts";

const fixture = useStore();

const PROMPT_ESTIMATE = 700;
const CONTEXT: MessageContext = {
  ...{ model: "m", window: 8_000, window_known: true, turns_dropped: 0, outputs_elided: 0 },
  ...{ prompt_estimate: PROMPT_ESTIMATE, prompt_characters: 1, truncated_by_server: false },
  cut: { turn: 0, elided_turn: 0, elided_outputs: 0 },
};

interface Sum {
  calls: number;
  prompt: number;
  answer: number;
  estimated: number;
}

/** The rows of a turn, added up for each kind. */
async function counted(turnId: string): Promise<Record<string, Sum>> {
  const rows = await fixture.pool<(Sum & { kind: string })[]>`
    select kind, sum(calls)::int as calls, sum(prompt_tokens)::int as prompt, sum(answer_tokens)::int as answer,
      sum(estimated_tokens)::int as estimated from usage where id = ${turnId} group by kind`;
  return Object.fromEntries(rows.map(({ kind, ...sum }) => [kind, sum]));
}

function expectedOf(entries: UsageEntry[]): Record<string, Sum> {
  const sums: Record<string, Sum> = {};
  for (const entry of entries) {
    const sum = sums[entry.kind] ?? { calls: 0, prompt: 0, answer: 0, estimated: 0 };
    sums[entry.kind] = sum;
    sum.calls += entry.calls;
    sum.prompt += entry.prompt_tokens;
    sum.answer += entry.answer_tokens;
    sum.estimated += entry.estimated_tokens;
  }
  return sums;
}

/** Claims a turn; a process of its own takes over an isolated one. */
async function take(turnId: string): Promise<ClaimedTurn> {
  const turn = await claim(fixture.pool, turnId);
  const taken = await takeOverClaim(fixture.pool, turn, { workerId: "w", leaseMs: 60_000 });
  if (!taken) throw new Error("the claim was lost");
  return taken;
}

/** What a reconciler counts for a call whose worker died after it had saved this many characters. */
function estimate(characters: number): UsageEntry[] {
  if (characters === 0) return [];
  const answer = Math.ceil(characters / 3.6);
  return [{ ...used("broken", PROMPT_ESTIMATE, answer), estimated_tokens: PROMPT_ESTIMATE + answer }];
}

const FAILED: TurnEnd = { status: "failed", error: { code: "internal", message: "x" } };
const CANCELLED: TurnEnd = { status: "cancelled", reason: "user" };
const STALE = [used("broken", 1_000_000)];

/** What happens after the last whole step of an attempt. */
const FATES = ["complete", "fail", "cancel", "cut", "release", "die", "cancel and die", "die, then cancel"] as const;

interface Attempt {
  /** For each whole step, its broken calls before the reply. */
  steps: number[];
  /** The characters of the open message that were saved. */
  draft: number;
  hasToolCalls: boolean;
  fate: (typeof FATES)[number];
}

const attempts: fc.Arbitrary<Attempt[]> = fc.array(
  fc.record({
    steps: fc.array(fc.nat(2), { maxLength: 2 }),
    draft: fc.nat(50),
    hasToolCalls: fc.boolean(),
    fate: fc.constantFrom(...FATES),
  }),
  { minLength: 1, maxLength: 4 },
);

/** Runs one attempt of a turn. @returns the calls that the model served and that must be counted */
async function run(turn: ClaimedTurn, { steps, draft, hasToolCalls, fate }: Attempt): Promise<UsageEntry[]> {
  const { pool } = fixture;
  const fence = { turnId: turn.id, attempt: turn.attempt };
  const served: UsageEntry[] = [];
  const sum = () => [...turn.usage, ...served];
  let lastSeq = 0;
  let messageId = turn.streaming_message_id;
  const open = async () => {
    messageId ??= randomUUID();
    const [{ next } = { next: 0 }] = await pool<{ next: number }[]>`
      select coalesce(max(position) filter (where id <> ${messageId}), 0) + 1 as next from messages where turn_id = ${turn.id}`;
    await startMessage(pool, fence, {
      ...{ id: messageId, position: next, step: next, model: "m", context: CONTEXT },
      lastSeq: ++lastSeq,
    });
    return messageId;
  };
  for (const broken of steps) {
    const id = await open();
    messageId = null;
    for (let call = 0; call < broken; call++) served.push(used("broken", 11, 3));
    const calls = [{ id: "c", name: "grep", arguments: {} }];
    const called = { ...reply(id), toolCalls: calls };
    await saveToolCalls(pool, fence, { reply: called, lastSeq: ++lastSeq, usage: [...sum(), used("broken", 20, 5)] });
    served.push(used("answer", 20, 5));
    const step = { reply: called, step: 0, tools: [], lastSeq: ++lastSeq, usage: sum() };
    // A worker repeats a write whose result was lost.
    expect(await commitStep(pool, fence, step)).not.toBeNull();
    expect(await commitStep(pool, fence, step)).not.toBeNull();
  }
  const id = await open();
  const text = "x".repeat(draft);
  await saveDrafts(pool, [{ ...fence, messageId: id, content: text, reasoning: null, lastSeq: ++lastSeq }]);
  const last = used("broken", 30, 7);
  if (hasToolCalls) {
    const called = { ...reply(id, text), toolCalls: [{ id: "c", name: "grep", arguments: {} }] };
    await saveToolCalls(pool, fence, { reply: called, lastSeq: ++lastSeq, usage: [...sum(), last] });
  }
  const finish = async (end: TurnEnd, call: UsageEntry) => {
    served.push(call);
    const ending = { end, reply: reply(id, text), lastSeq: ++lastSeq, usage: sum() };
    expect(await endTurn(pool, fence, ending)).toHaveProperty("changes");
    await endTurn(pool, fence, { ...ending, usage: STALE });
  };
  const cancel = () => cancelTurn(pool, turn.owner_id, turn.session_id);
  const die = async () => {
    await letLeaseDie(pool, turn.id);
    served.push(...(hasToolCalls ? [last] : estimate(draft)));
    await requeueOrphans(pool, ORPHANS);
  };
  switch (fate) {
    case "complete":
      await finish({ status: "complete" }, { ...last, kind: "answer" });
      break;
    case "fail":
      await finish(FAILED, last);
      break;
    case "cancel":
      await cancel();
      await finish(CANCELLED, last);
      break;
    case "cut":
      served.push(last);
      expect(await requeueCutTurn(pool, fence, { maxCuts: 9, waitMs: 0, usage: sum() })).toBe(true);
      break;
    case "release":
      served.push(last);
      expect(await releaseTurn(pool, fence, sum())).toBe(true);
      break;
    case "die":
      await die();
      break;
    case "cancel and die":
      await cancel();
      await die();
      break;
    case "die, then cancel":
      await die();
      await cancel();
      break;
    default:
      fate satisfies never;
  }
  for (let twice = 0; twice < 2; twice++) {
    await requeueOrphans(pool, ORPHANS);
    await endOrphan(pool, "reconciler", ORPHANS, 60_000);
  }
  return served;
}

const isLive = async (turnId: string) => (await turnRow(fixture.pool, turnId)).status === "queued";

test("whatever happens to a turn, its rows add up to what its model calls used, each counted once", async () => {
  await fc.assert(
    fc.asyncProperty(attempts, async (plan) => {
      const { turnId } = await post(fixture.pool, await newPlace(fixture.pool));
      const served: UsageEntry[] = [];
      const fences: ClaimedTurn[] = [];
      const final: Attempt = { steps: [1], draft: 9, hasToolCalls: false, fate: "complete" };
      for (const attempt of [...plan, final]) {
        if (!(await isLive(turnId))) break;
        expect(await counted(turnId)).toEqual({});
        const turn = await take(turnId);
        served.push(...(await run(turn, attempt)));
        fences.push(turn);
        // A worker that was paused goes on after it has lost its turn.
        for (const { attempt: number } of fences) {
          const fence = { turnId, attempt: number };
          expect(await releaseTurn(fixture.pool, fence, STALE)).toBe(false);
          await endTurn(fixture.pool, fence, { end: FAILED, reply: null, lastSeq: 99, usage: STALE });
        }
      }
      expect(await isLive(turnId)).toBe(false);
      expect(await counted(turnId)).toEqual(expectedOf(served));
    }),
    { numRuns: 25 },
  );
}, 60_000);

const attempt = (fate: Attempt["fate"], more: Partial<Attempt> = {}): Attempt => ({
  ...{ steps: [], draft: 36, hasToolCalls: false, fate },
  ...more,
});

describe("the usage of a turn is counted", () => {
  const ESTIMATED = { broken: { calls: 1, prompt: 700, answer: 10, estimated: 710 } };

  test("when its attempts are exhausted, from each attempt's draft", async () => {
    const { turnId } = await post(fixture.pool, await newPlace(fixture.pool));
    for (let tries = 1; tries <= 3; tries++) await run(await take(turnId), attempt("die"));
    expect(await turnRow(fixture.pool, turnId)).toMatchObject({ status: "failed", crashes: 3 });
    expect(await counted(turnId)).toEqual({ broken: { calls: 3, prompt: 2_100, answer: 30, estimated: 2_130 } });
  });

  test("not while its model has sent nothing, because the server may not have been asked", async () => {
    const { turnId } = await post(fixture.pool, await newPlace(fixture.pool));
    for (let tries = 1; tries <= 3; tries++) await run(await take(turnId), attempt("die", { draft: 0 }));
    expect(await turnRow(fixture.pool, turnId)).toMatchObject({ status: "failed", crashes: 3 });
    expect(await counted(turnId)).toEqual({});
  });

  test.each(["cancel and die", "die, then cancel"] as const)("once when a reconciler ends it: %s", async (fate) => {
    const { turnId } = await post(fixture.pool, await newPlace(fixture.pool));
    await run(await take(turnId), attempt(fate));
    expect(await turnRow(fixture.pool, turnId)).toMatchObject({ status: "cancelled" });
    expect(await counted(turnId)).toEqual(ESTIMATED);
  });

  test("as its worker counted it when that released it and it was then cancelled", async () => {
    const place = await newPlace(fixture.pool);
    const { turnId } = await post(fixture.pool, place);
    await run(await take(turnId), attempt("release"));
    await cancelTurn(fixture.pool, place.ownerId, place.sessionId);
    await endOrphan(fixture.pool, "reconciler", ORPHANS, 60_000);
    expect(await counted(turnId)).toEqual({ broken: { calls: 1, prompt: 30, answer: 7, estimated: 0 } });
  });

  test("without a row when no model was asked", async () => {
    const place = await newPlace(fixture.pool);
    const [withdrawn, failed] = [await post(fixture.pool, place), await post(fixture.pool, place)];
    await withdrawTurn(fixture.pool, place.ownerId, place.sessionId, withdrawn.turnId);
    const turn = await claim(fixture.pool, failed.turnId);
    await endTurn(fixture.pool, turn, { end: FAILED, reply: null, lastSeq: 2, usage: [] });
    expect([await counted(withdrawn.turnId), await counted(failed.turnId)]).toEqual([{}, {}]);
  });

  test("on the UTC day of its end, with the ids and the project's name", async () => {
    const place = await newPlace(fixture.pool);
    const { turnId } = await post(fixture.pool, place);
    await run(await take(turnId), attempt("complete"));
    const [row] = await fixture.pool`
      select u.user_id, u.session_id, u.project_id, u.project_name, u.model,
        u.day = (t.finished_at at time zone 'UTC')::date as is_its_day
      from usage u join turns t on t.id = u.id where u.id = ${turnId}`;
    expect(row).toEqual({
      ...{ user_id: place.ownerId, session_id: place.sessionId, project_id: place.projectId },
      ...{ project_name: "a project", model: "m", is_its_day: true },
    });
  });
});

test("the usage of a run of naming is written once, however often it is sent", async () => {
  const place = await newPlace(fixture.pool);
  const naming = { id: randomUUID(), sessionId: place.sessionId, userId: place.ownerId, name: null };
  for (let sent = 0; sent < 2; sent++) await nameSession(fixture.pool, { ...naming, usage: [used("naming", 40, 6)] });
  expect(await counted(naming.id)).toEqual({ naming: { calls: 1, prompt: 40, answer: 6, estimated: 0 } });
});
