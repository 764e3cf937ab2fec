import type { Citation, Message, SessionFrame, ToolsIgnored, Turn } from "@boocode/contracts";
import { formatCursor } from "@boocode/contracts/position";
import type { LoadedSession } from "../src/fold/merge-loaded.ts";

/** The events of a generated session. */
export type Event =
  | { kind: "turn"; steps: number; words: number; crashAfter: number | null; deletedAfter: number | null }
  | { kind: "rename" }
  | { kind: "tools_ignored" }
  | { kind: "withdraw" }
  | { kind: "delete"; back: number };

/** The state of Postgres just after a frame was sent. */
export type Truth = LoadedSession & { allTurns: Turn[] };

/** A session's history: every frame in the order of sending, and the state of Postgres after each. */
export interface World {
  frames: SessionFrame[];
  /** `truths[n]` is what Postgres has after `n` frames. */
  truths: Truth[];
  /** By message id, its text in each epoch: every text shown is a prefix of one of them. */
  written: Map<string, string[]>;
}

const SESSION = "session";
const CITATION: Citation = { start: 0, end: 6, path: "a.ts", first: 1, last: 1, level: "shown" };
const TIME = "2026-01-01T00:00:00.000Z";

/** Plays events into a world. Independent of the client's fold, so that it can serve as an oracle. */
export function createWorld(events: readonly Event[]): World {
  const world: World = { frames: [], truths: [], written: new Map() };
  let messages: Message[] = [];
  const turns: Turn[] = [];
  let place = { epoch: { ordinal: 0, attempt: 0, nonce: "0" }, seq: 0 };
  let version = 0;
  let name = "name 0";
  let toolsIgnored: ToolsIgnored | null = null;
  let ids = 0;

  const truth = (): Truth => ({
    session: {
      ...{ id: SESSION, project_id: "project", name, auto_named: false, model: null, system_prompt: null },
      tools_ignored: toolsIgnored,
      ...{ version, busy: false, created_at: TIME, updated_at: TIME },
    },
    messages: [...messages],
    allTurns: [...turns],
    liveTurns: turns.filter((turn) => turn.status === "queued" || turn.status === "running"),
    cursor: formatCursor(place),
    version,
    hasMore: false,
  });
  world.truths.push(truth());

  const send = (frame: object) => {
    world.frames.push({ session_id: SESSION, ...frame } as SessionFrame);
    world.truths.push(truth());
  };
  const structure = (frame: object) => {
    version += 1;
    send({ ...frame, version });
  };
  const put = (message: Message) => {
    messages = [...messages.filter((one) => one.id !== message.id), message];
  };
  const setTurn = (index: number, change: Partial<Turn>) => {
    turns[index] = { ...(turns[index] as Turn), ...change };
  };

  function post(): number {
    const ordinal = turns.length + 1;
    const turn: Turn = {
      ...{ id: `turn ${ordinal}`, session_id: SESSION, ordinal, status: "queued", attempt: 0, cancel_reason: null },
      ...{ error: null, created_at: TIME, started_at: null, finished_at: null },
    };
    turns.push(turn);
    put(blank(`question ${ordinal}`, turn, 0, "user", `question ${ordinal}`));
    version += 2;
    // Both changes are one commit: a reader sees the two versions together.
    const [message] = messages.slice(-1);
    world.frames.push({ type: "message_posted", session_id: SESSION, version: version - 1, message } as SessionFrame);
    world.truths.push(truth());
    send({ type: "turn_queued", version, turn_id: turn.id, ordinal, ahead: 0 });
    return turns.length - 1;
  }

  function run(index: number, event: Extract<Event, { kind: "turn" }>): void {
    let open: string | null = null;
    let step = 0;
    for (let attempt = 1; ; attempt += 1) {
      const turn = turns[index] as Turn;
      const isLast = attempt > 1 || event.crashAfter === null;
      const budget = isLast ? Number.POSITIVE_INFINITY : (event.crashAfter ?? 0);
      let sent = 0;
      const epoch = { ordinal: turn.ordinal, attempt, nonce: `n${turn.ordinal}x${attempt}` };
      place = { epoch, seq: 0 };
      setTurn(index, { status: "running", attempt });
      messages = messages.map((message) => (message.id === open ? { ...message, content: "" } : message));
      const tell = (frame: object) => {
        sent += 1;
        place = { epoch, seq: place.seq + 1 };
        send({ ...frame, turn_id: turn.id, attempt, seq: place.seq, cursor: formatCursor(place) });
      };
      const isDead = () => sent >= budget;
      tell({ type: "turn_started", ordinal: turn.ordinal });
      for (; step < event.steps && !isDead(); step += 1) {
        const position = step * 2 + 1;
        const id: string = open ?? `answer ${++ids}`;
        open = id;
        const place0 = { turn_ordinal: turn.ordinal, position, role: "assistant", model: "m" };
        put({ ...blank(id, turn, position, "assistant", ""), status: "streaming", model: "m" });
        tell({ type: "message_started", message_id: id, ...place0 });
        const texts = world.written.get(id) ?? [];
        world.written.set(id, [...texts, ""]);
        for (let word = 0; word < event.words && !isDead(); word += 1) {
          const content = `${attempt}:${word} `;
          const before = messages.find((message) => message.id === id) as Message;
          put({ ...before, content: before.content + content });
          world.written.set(id, [...texts, before.content + content]);
          tell({ type: "delta", message_id: id, content });
        }
        if (isDead()) break;
        if (step === event.deletedAfter) {
          deletedWhileStreaming(index, id, tell);
          return;
        }
        const done = { finish_reason: "stop", model: "m", tokens_used: 1, ctx_used: 2, ctx_max: 3 } as const;
        const isAnswer = step === event.steps - 1;
        const answer = messages.find((message) => message.id === id) as Message;
        if (!isAnswer) {
          const call = { id: `call ${step}`, name: "grep", arguments: {} };
          put({ ...answer, tool_calls: [call] });
          tell({ type: "tool_call", message_id: id, tool_call: call });
          const result = { tool_call_id: call.id, name: "grep", truncated: false, error: null };
          const tool = blank(`tool ${++ids}`, turn, position + 1, "tool", `found ${ids}`);
          put({ ...tool, tool_result: result });
          // One commit: the frames of a step are sent after it, and a reader in between sees all of it.
          put({ ...answer, ...done, tool_calls: [call], status: "complete" });
          place = { epoch, seq: place.seq + 2 };
          const after = truth();
          place = { epoch, seq: place.seq - 2 };
          tell({ type: "tool_result", message_id: tool.id, position: position + 1, ...result, output: tool.content });
          world.truths[world.truths.length - 1] = after;
          tell({ type: "message_complete", message_id: id, status: "complete", ...done });
        } else {
          // Found in two frames, found in none, and not checked.
          const citations = [[CITATION, { ...CITATION, first: 2 }], [], null][turn.ordinal % 3] ?? null;
          const frames = citations?.length === 2 ? citations.map((one) => [one]) : citations ? [[]] : [];
          put({ ...answer, ...done, status: "complete", citations });
          setTurn(index, { status: "complete" });
          place = { epoch, seq: place.seq + 2 + frames.length };
          const after = truth();
          place = { epoch, seq: place.seq - 2 - frames.length };
          tell({ type: "message_complete", message_id: id, status: "complete", ...done });
          world.truths[world.truths.length - 1] = after;
          for (const some of frames) {
            tell({ type: "citations", message_id: id, citations: some });
            world.truths[world.truths.length - 1] = after;
          }
          tell({ type: "turn_finished", status: "complete", cancel_reason: null });
        }
        open = null;
      }
      if (step >= event.steps) return;
    }
  }

  /** A message starts, everything is deleted, and the frame about the start arrives after the one about the deletion. */
  function deletedWhileStreaming(index: number, openId: string, tell: (frame: object) => void): void {
    const turn = turns[index] as Turn;
    const late = `answer ${++ids}`;
    const gone = messages.filter((message) => message.turn_id === turn.id).map((message) => message.id);
    messages = messages.filter((message) => message.turn_id !== turn.id);
    const { epoch, seq } = place;
    place = { epoch, seq: seq + 1 };
    const range = { from: { turn_ordinal: turn.ordinal, position: 0 }, through_turn: turns.length };
    structure({ type: "messages_deleted", message_ids: [...gone, late], range });
    place = { epoch, seq };
    const start = { turn_ordinal: turn.ordinal, position: 9, role: "assistant", model: "m" };
    tell({ type: "message_started", message_id: late, ...start });
    const written = world.written.get(openId) ?? [];
    world.written.set(openId, [...written, `${written.at(-1) ?? ""}lost`]).set(late, [""]);
    tell({ type: "delta", message_id: openId, content: "lost" });
    setTurn(index, { status: "cancelled", cancel_reason: "messages_deleted" });
    tell({ type: "turn_finished", status: "cancelled", cancel_reason: "messages_deleted" });
  }

  for (const event of events) {
    if (event.kind === "turn") run(post(), event);
    else if (event.kind === "rename") {
      name = `name ${version + 1}`;
      structure({ type: "session_renamed", name, auto_named: false });
    } else if (event.kind === "tools_ignored") {
      toolsIgnored = { model: `model ${version + 1}`, reason: "template" };
      structure({ type: "tools_ignored", tools_ignored: toolsIgnored });
    } else if (event.kind === "withdraw") {
      const index = post();
      setTurn(index, { status: "cancelled", cancel_reason: "user" });
      structure({ type: "turn_withdrawn", turn_id: (turns[index] as Turn).id, reason: "user" });
    } else if (messages.length > 0) {
      messages.sort((a, b) => a.turn_ordinal - b.turn_ordinal || a.position - b.position);
      const gone = messages.slice(-event.back);
      messages = messages.slice(0, -event.back);
      const { turn_ordinal, position } = gone[0] as Message;
      const range = { from: { turn_ordinal, position }, through_turn: turns.length };
      structure({ type: "messages_deleted", message_ids: gone.map((message) => message.id), range });
    }
  }
  return world;
}

function blank(id: string, turn: Turn, position: number, role: Message["role"], content: string): Message {
  return {
    ...{ id, session_id: SESSION, turn_id: turn.id, turn_ordinal: turn.ordinal, position, role, content },
    ...{ reasoning: null, tool_calls: null, tool_result: null, status: "complete", finish_reason: null, error: null },
    ...{ model: null, tokens_used: null, ctx_used: null, ctx_max: null },
    ...{ created_at: TIME, started_at: null, finished_at: null },
  };
}
