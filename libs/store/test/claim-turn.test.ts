import type { MessageContext } from "@boocode/contracts";
import {
  claimTurns,
  createGrant,
  deleteSession,
  endTurn,
  releaseTurn,
  requeueCutTurn,
  requeueOrphans,
  saveDrafts,
  startMessage,
  takeOverClaim,
} from "@boocode/store";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  asWorker,
  atLimit,
  claim,
  claimNextTurn,
  claimOnly,
  DUE,
  messageRow,
  newPlace,
  newUser,
  ORPHANS,
  type Place,
  post,
  reply,
  running,
  turnRow,
  untilBlocked,
  useStore,
  WAITING,
} from "./fixture.ts";

const fixture = useStore({ connections: 24 });

const by = (workerId = "w") => asWorker({ workerId });

test("a claim sets the turn's attempt, nonce, lease and worker", async () => {
  const place = await newPlace(fixture.pool);
  const posted = await post(fixture.pool, place);
  const turn = await claimOnly(fixture.pool, posted.turnId, asWorker({ workerId: "w7", nonce: "abc", leaseMs: 5_000 }));
  expect(turn).toMatchObject({ id: posted.turnId, status: "running", attempt: 1, nonce: "abc", ordinal: 1 });
  expect(turn).toMatchObject({ owner_id: place.ownerId, used: { tokens_per_day: 0 } });
  const [row] = await fixture.pool`
    select worker_id, extract(epoch from lease_until - now())::float as lease from turns where id = ${posted.turnId}`;
  expect(row?.worker_id).toBe("w7");
  expect(row?.lease).toBeGreaterThan(4);
  expect(row?.lease).toBeLessThanOrEqual(5);
});

test("a turn's first claim begins its message, which no frame states yet, and a later one keeps it", async () => {
  const place = await newPlace(fixture.pool);
  await fixture.pool`update sessions set model = 'short' where id = ${place.sessionId}`;
  const { turnId } = await post(fixture.pool, place);
  const rows = () => fixture.pool`
    select id, turn_ordinal, position, step, role, status, content, model, last_seq from messages
    where turn_id = ${turnId} and role <> 'user'`;
  const turn = await claimOnly(fixture.pool, turnId, asWorker({ models: { user: { short: "server/short" } } }));
  expect(turn?.begun).toEqual({ model: "server/short" });
  const id = turn?.streaming_message_id;
  const begun = { id, turn_ordinal: 1, position: 1, step: 0, role: "assistant", status: "streaming", content: "" };
  expect([...(await rows())]).toEqual([{ ...begun, model: "server/short", last_seq: 0 }]);
  expect(await turnRow(fixture.pool, turnId)).toMatchObject({ last_seq: 0 });
  await releaseTurn(fixture.pool, { turnId, attempt: 1 });
  expect(await claim(fixture.pool, turnId)).toMatchObject({ attempt: 2, begun: null, streaming_message_id: id });
  expect(await rows()).toHaveLength(1);
});

test("a claim names the model by the asker's role and what the session wants, and else as the session does", async () => {
  const models = { user: { "": "words", m: "server/m" }, admin: { "": "best" } };
  for (const [model, name] of [
    [null, "words"],
    ["m", "server/m"],
    ["other", "other"],
  ]) {
    const place = await newPlace(fixture.pool);
    await fixture.pool`update sessions set model = ${model ?? null} where id = ${place.sessionId}`;
    const turn = await claimOnly(fixture.pool, (await post(fixture.pool, place)).turnId, asWorker({ models }));
    expect(turn?.begun).toEqual({ model: name });
  }
  const place = await newPlace(fixture.pool);
  const { turnId } = await post(fixture.pool, place);
  await deleteSession(fixture.pool, place.ownerId, place.sessionId);
  await fixture.pool`update turns set status = 'queued', finished_at = null, cancel_reason = null where id = ${turnId}`;
  expect(await claimOnly(fixture.pool, turnId, asWorker({ models }))).toMatchObject({
    ...{ setting: null, begun: null, streaming_message_id: null },
  });
});

test("a claim of several turns takes them in the fair order, each user's as far as its worker has room", async () => {
  await fixture.pool`update turns set status = 'complete'`;
  const [first, second, full] = [
    await newPlace(fixture.pool),
    await newPlace(fixture.pool),
    await newPlace(fixture.pool),
  ];
  for (const { ownerId } of [first, first, first, first, second, full])
    await post(fixture.pool, await newPlace(fixture.pool, ownerId));
  const held = new Map([
    [full.ownerId, 3],
    [second.ownerId, 1],
  ]);
  const worker = asWorker({ shares: { most: 3, held }, mostRunning: { user: 5, admin: null } });
  const turns = await claimTurns(fixture.pool, WAITING, worker, 10);
  const owners = turns.map((turn) => turn.owner_id);
  expect(owners.slice(0, 2).sort()).toEqual([first.ownerId, second.ownerId].sort());
  expect(owners.slice(2)).toEqual([first.ownerId, first.ownerId]);
  const slots = await fixture.pool`
    select run_slot from turns where owner_id = ${first.ownerId} and status = 'running' order by run_slot`;
  expect(slots.map(({ run_slot }) => run_slot)).toEqual([1, 2, 3]);
  expect(new Set(turns.map((turn) => turn.streaming_message_id)).size).toBe(4);
  // With room for two more on all workers together, and for ten on this one.
  const roomy = asWorker({ shares: { most: 10, held: new Map() }, mostRunning: { user: 3, admin: null } });
  const rest = await claimTurns(fixture.pool, WAITING, roomy, 10);
  expect(rest.map((turn) => turn.owner_id)).toEqual([full.ownerId]);
});

test("of claims of several turns that race, each turn gets to one worker and no user above the limit", async () => {
  for (let round = 0; round < 5; round++) {
    await fixture.pool`update turns set status = 'complete'`;
    const { ownerId } = await newPlace(fixture.pool);
    for (let turn = 0; turn < 6; turn++) await post(fixture.pool, await newPlace(fixture.pool, ownerId));
    const roomy = () => asWorker({ shares: { most: 10, held: new Map() }, mostRunning: { user: 4, admin: null } });
    const claims = await Promise.all([2, 3, 2, 3].map((most) => claimTurns(fixture.pool, WAITING, roomy(), most)));
    const ids = claims.flat().map(({ id }) => id);
    expect([ids.length, new Set(ids).size]).toEqual([4, 4]);
  }
});

test("a claim returns the setting of session and project, and null once either is deleted", async () => {
  const place = await newPlace(fixture.pool);
  await fixture.pool`update sessions set model = 'm', system_prompt = 'be brief' where id = ${place.sessionId}`;
  for (const path of ["/tmp/other", "/tmp/code"])
    await createGrant(fixture.pool, { userId: place.ownerId, path, by: "operator" });
  const turn = await claim(fixture.pool, (await post(fixture.pool, place)).turnId);
  expect(turn.setting).toEqual({
    owner: { slug: expect.stringMatching(/^u-/), grants: ["/tmp/code", "/tmp/other"] },
    ...{
      projectName: "a project",
      projectPath: "/tmp/code",
      sessionName: null,
      model: "m",
      askerRole: "user",
      systemPrompt: "be brief",
    },
  });
  expect(await takeOverClaim(fixture.pool, turn, asWorker())).toMatchObject({
    setting: turn.setting,
    recent_calls: [],
  });
  await releaseTurn(fixture.pool, turn);
  await fixture.pool`update projects set deleted_at = now() where id = ${place.projectId}`;
  expect((await claim(fixture.pool, turn.id)).setting).toBeNull();
});

test("a claim returns the session's recent model calls, newest first, without deleted and streaming ones", async () => {
  const place = await newPlace(fixture.pool);
  const context = (size: number) => ({ model: "m", prompt_characters: size }) as MessageContext;
  const ask = async (size: number) => {
    const turn = await claim(fixture.pool, (await post(fixture.pool, place)).turnId);
    const id = turn.streaming_message_id as string;
    const message = { id, position: 1, step: 0, model: "m", lastSeq: 2, context: context(size) };
    await startMessage(fixture.pool, turn, message);
    return { turn, id };
  };
  for (let size = 1; size <= 12; size++) {
    const { turn, id } = await ask(size);
    await endTurn(fixture.pool, turn, { end: { status: "complete" }, reply: reply(id), lastSeq: 5 });
  }
  const { turn, id } = await ask(13);
  await releaseTurn(fixture.pool, turn);
  const again = await claim(fixture.pool, turn.id);
  const calls = Array.from({ length: 10 }, (_, at) => ({
    ...{ context: context(12 - at), tokens_used: 3, ctx_used: 4, ctx_max: 5 },
  }));
  expect(again.recent_calls).toEqual(calls);
  await endTurn(fixture.pool, again, { end: { status: "complete" }, reply: reply(id), lastSeq: 5 });
  await fixture.pool`update messages set deleted_at = now() where session_id = ${place.sessionId} and turn_ordinal = 12`;
  const next = await claim(fixture.pool, (await post(fixture.pool, place)).turnId);
  expect(next.recent_calls.map((call) => call.context.prompt_characters)).toEqual([13, 11, 10, 9, 8, 7, 6, 5, 4, 3]);
});

test("only the next turn of a session can be claimed, and none while another runs or is being cancelled", async () => {
  const place = await newPlace(fixture.pool);
  const [first, second] = [await post(fixture.pool, place), await post(fixture.pool, place)];
  expect(await claimOnly(fixture.pool, second.turnId, by())).toBeNull();
  await claim(fixture.pool, first.turnId);
  expect(await claimOnly(fixture.pool, second.turnId, by())).toBeNull();
  expect(await claimOnly(fixture.pool, first.turnId, by())).toBeNull();
  await fixture.pool`update turns set status = 'cancelling' where id = ${first.turnId}`;
  expect(await claimOnly(fixture.pool, second.turnId, by())).toBeNull();
  await fixture.pool`update turns set status = 'complete' where id = ${first.turnId}`;
  expect(await claimOnly(fixture.pool, second.turnId, by())).toMatchObject({ ordinal: 2 });
});

test("of twenty workers that claim a turn at the same time, one gets it", async () => {
  for (let round = 0; round < 10; round++) {
    await fixture.pool`update turns set status = 'complete'`;
    const posted = await post(fixture.pool, await newPlace(fixture.pool));
    const claims = Array.from({ length: 20 }, (_, i) => claimNextTurn(fixture.pool, WAITING, by(`w${i}`)));
    const won = (await Promise.all(claims)).filter((turn) => turn !== null);
    expect(won).toHaveLength(1);
    expect(await turnRow(fixture.pool, posted.turnId)).toMatchObject({ attempt: 1, nonce: won[0]?.nonce });
  }
});

test("a session never has two active turns, however claims and ends race", async () => {
  await fixture.pool`update turns set status = 'complete'`;
  const place = await newPlace(fixture.pool);
  for (let i = 0; i < 6; i++) await post(fixture.pool, place);
  let active = 0;
  while (
    (await fixture.pool`select from turns where session_id = ${place.sessionId} and status = 'queued'`).length > 0
  ) {
    const claims = Array.from({ length: 18 }, () => claimNextTurn(fixture.pool, WAITING, by()));
    const won = (await Promise.all(claims)).filter((turn) => turn !== null);
    expect(won.length).toBeLessThanOrEqual(1);
    active += won.length;
    await fixture.pool`update turns set status = 'complete' where session_id = ${place.sessionId} and status = 'running'`;
  }
  expect(active).toBe(6);
});

test("the unique index refuses a second active turn, and the claim that violates it returns null", async () => {
  await fixture.pool`update turns set status = 'complete'`;
  const place = await newPlace(fixture.pool);
  const [first, second] = [await post(fixture.pool, place), await post(fixture.pool, place)];
  const blocked = await fixture.pool.begin(async (sql) => {
    await sql`update turns set status = 'running' where id = ${second.turnId}`;
    const losing = claimNextTurn(fixture.pool, WAITING, by());
    await untilBlocked(fixture.pool);
    return { losing };
  });
  expect(await blocked.losing).toBeNull();
  expect(await turnRow(fixture.pool, first.turnId)).toMatchObject({ status: "queued", attempt: 0 });
});

test("a claim empties the streaming message and raises the attempt atomically", async () => {
  const { turn, messageId } = await running(fixture.pool, await newPlace(fixture.pool));
  const draft = { turnId: turn.id, attempt: 1, messageId, content: "half of", reasoning: "hm", lastSeq: 9 };
  await saveDrafts(fixture.pool, [draft]);
  expect(await messageRow(fixture.pool, messageId)).toMatchObject({ content: "half of", last_seq: 9 });
  await releaseTurn(fixture.pool, turn);
  const again = await claim(fixture.pool, turn.id);
  expect(again).toMatchObject({ attempt: 2, streaming_message_id: messageId });
  expect(again.nonce).not.toBe(turn.nonce);
  expect(await turnRow(fixture.pool, turn.id)).toMatchObject({ last_seq: 0, attempt: 2 });
  expect(await messageRow(fixture.pool, messageId)).toMatchObject({ content: "", last_seq: 0, status: "streaming" });
});

test("only a due turn is claimed, and the turn of the user with the fewest running turns comes first", async () => {
  await fixture.pool`update turns set status = 'complete'`;
  const busy = await newPlace(fixture.pool);
  await claim(fixture.pool, (await post(fixture.pool, busy)).turnId);
  const waiting = await post(fixture.pool, await newPlace(fixture.pool, busy.ownerId));
  const idle = await post(fixture.pool, await newPlace(fixture.pool));
  expect(await claimNextTurn(fixture.pool, DUE, by())).toBeNull();
  await fixture.pool`update turns set due_at = now() - interval '5 s' where id = ${waiting.turnId}`;
  await fixture.pool`update turns set due_at = now() - interval '1 s' where id = ${idle.turnId}`;
  expect((await claimNextTurn(fixture.pool, DUE, by()))?.id).toBe(idle.turnId);
  expect((await claimNextTurn(fixture.pool, DUE, by()))?.id).toBe(waiting.turnId);
  expect(await claimNextTurn(fixture.pool, DUE, by())).toBeNull();
});

test("a free slot also gets a turn that is not due yet, but none that pauses before another attempt unless it is woken", async () => {
  await fixture.pool`update turns set status = 'complete'`;
  const fresh = await post(fixture.pool, await newPlace(fixture.pool));
  const { turn } = await running(fixture.pool, await newPlace(fixture.pool));
  await requeueCutTurn(fixture.pool, turn, { maxCuts: 6, waitMs: 60_000 });
  await fixture.pool`update turns set due_at = now() + interval '1 s' where id = ${fresh.turnId}`;
  expect(await claimNextTurn(fixture.pool, DUE, by())).toBeNull();
  expect((await claimNextTurn(fixture.pool, WAITING, by()))?.id).toBe(fresh.turnId);
  expect(await claimNextTurn(fixture.pool, WAITING, by())).toBeNull();
  expect((await claimNextTurn(fixture.pool, { kind: "waiting", woken: [turn.id] }, by()))?.id).toBe(turn.id);
});

test("claims at the same moment alternate between users, and leave out users at their limit", async () => {
  for (let round = 0; round < 5; round++) {
    await fixture.pool`update turns set status = 'complete'`;
    const [first, second, full] = [
      await newPlace(fixture.pool),
      await newPlace(fixture.pool),
      await newPlace(fixture.pool),
    ];
    for (const { ownerId } of [full, first, first, first, second, second, second])
      await post(fixture.pool, await newPlace(fixture.pool, ownerId));
    const claims = await Promise.all(
      Array.from({ length: 4 }, () =>
        claimNextTurn(fixture.pool, WAITING, asWorker({ shares: atLimit(full.ownerId) })),
      ),
    );
    const owners = claims.map((turn) => turn?.owner_id);
    // A claim whose snapshot is newer than another's commit may still give one user a slot more.
    for (const { ownerId } of [first, second])
      expect(owners.filter((owner) => owner === ownerId).length).toBeGreaterThanOrEqual(1);
    expect(owners).not.toContain(full.ownerId);
  }
});

test("for any turns, each claim goes to a user who holds fewest of those who wait", async () => {
  const users = await Promise.all(Array.from({ length: 4 }, () => newUser(fixture.pool)));
  const places = await Promise.all(users.flatMap((user) => [1, 2, 3].map(() => newPlace(fixture.pool, user))));
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.nat(places.length - 1), { minLength: 1, maxLength: 9 }),
      fc.nat(3),
      async (asked, full) => {
        await fixture.pool`update turns set status = 'complete'`;
        for (const at of asked) await post(fixture.pool, places[at] as Place);
        const atLimitNow = [users[full] as string];
        for (;;) {
          const rows = await fixture.pool<{ owner_id: string; held: number; waits: boolean }[]>`
          select owner_id, count(*) filter (where status = 'running')::int as held,
            bool_or(status = 'queued' and not exists (select from turns o where o.session_id = t.session_id
              and (o.status = 'running' or (o.status = 'queued' and o.ordinal < t.ordinal)))) as waits
          from turns t where status in ('queued', 'running') group by owner_id`;
          const waiting = rows.filter(({ waits, owner_id }) => waits && !atLimitNow.includes(owner_id));
          const turn = await claimNextTurn(fixture.pool, WAITING, asWorker({ shares: atLimit(...atLimitNow) }));
          if (!turn) {
            expect(waiting).toEqual([]);
            return;
          }
          const fewest = Math.min(...waiting.map(({ held }) => held));
          expect(waiting.find(({ owner_id }) => owner_id === turn.owner_id)?.held).toBe(fewest);
        }
      },
    ),
    { numRuns: 12 },
  );
});

test("a claim skips a turn that another transaction has locked", async () => {
  await fixture.pool`update turns set status = 'complete'`;
  const [held, free] = [
    await post(fixture.pool, await newPlace(fixture.pool)),
    await post(fixture.pool, await newPlace(fixture.pool)),
  ];
  await fixture.pool`update turns set due_at = now() - interval '9 s' where id = ${held.turnId}`;
  await fixture.pool`update turns set due_at = now() - interval '1 s' where id = ${free.turnId}`;
  await fixture.pool.begin(async (sql) => {
    await sql`select from turns where id = ${held.turnId} for update`;
    expect((await claimNextTurn(fixture.pool, DUE, by()))?.id).toBe(free.turnId);
  });
});

test("a due turn behind a cancelling one does not hide the turns of other sessions", async () => {
  await fixture.pool`update turns set status = 'complete'`;
  const place = await newPlace(fixture.pool);
  const [stopping, behind] = [await post(fixture.pool, place), await post(fixture.pool, place)];
  const free = await post(fixture.pool, await newPlace(fixture.pool));
  await fixture.pool`update turns set status = 'cancelling' where id = ${stopping.turnId}`;
  await fixture.pool`update turns set due_at = now() - interval '9 s' where id = ${behind.turnId}`;
  await fixture.pool`update turns set due_at = now() - interval '1 s' where id = ${free.turnId}`;
  expect((await claimNextTurn(fixture.pool, DUE, by()))?.id).toBe(free.turnId);
  expect(await claimNextTurn(fixture.pool, DUE, by())).toBeNull();
});

/** A queued turn with some of its attempts spent. */
async function spent(crashes: number, workerDeaths: number): Promise<string> {
  const { turnId } = await post(fixture.pool, await newPlace(fixture.pool));
  await fixture.pool`
    update turns set crashes = ${crashes}, worker_deaths = ${workerDeaths}, due_at = now() where id = ${turnId}`;
  return turnId;
}

test("the last attempt of a turn whose worker died is claimed only by a worker with room for an isolated turn", async () => {
  const turnId = await spent(2, 1);
  expect(await claimOnly(fixture.pool, turnId, asWorker({ takesPoisonCandidates: false }))).toBeNull();
  await fixture.pool`update turns set status = 'complete' where id <> ${turnId}`;
  expect(await claimNextTurn(fixture.pool, DUE, asWorker({ takesPoisonCandidates: false }))).toBeNull();
  const turn = await claimNextTurn(fixture.pool, DUE, asWorker());
  expect(turn).toMatchObject({ id: turnId, is_poison_candidate: true });
});

test("a turn is not a poison candidate before its last attempt, nor if only cut replies spent its attempts", async () => {
  for (const [crashes, deaths] of [
    [0, 0],
    [1, 1],
    [2, 0],
  ] as const) {
    const turn = await claimOnly(
      fixture.pool,
      await spent(crashes, deaths),
      asWorker({ takesPoisonCandidates: false }),
    );
    expect(turn).toMatchObject({ is_poison_candidate: false, crashes });
  }
});

test("a process takes over a claim and its lease, but not after the fence is lost", async () => {
  const { turn, messageId } = await running(fixture.pool, await newPlace(fixture.pool), 10);
  const fence = { turnId: turn.id, attempt: 1 };
  const taken = await takeOverClaim(fixture.pool, fence, asWorker({ workerId: "its own" }));
  const { turnId: _, ...claimed } = turn;
  expect(taken).toEqual({
    ...claimed,
    begun: null,
    is_poison_candidate: true,
    streaming_message_id: messageId,
  });
  expect(await requeueOrphans(fixture.pool, ORPHANS)).not.toContain(turn.id);
  await releaseTurn(fixture.pool, fence);
  expect(await takeOverClaim(fixture.pool, fence, asWorker())).toBeNull();
  await claim(fixture.pool, turn.id);
  expect(await takeOverClaim(fixture.pool, fence, asWorker())).toBeNull();
});
