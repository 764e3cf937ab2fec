// PURE
import { append } from "./append.ts";
import { type Context, epochName, fault, withRow, withWorker } from "./context.ts";
import { hasEnded, IDLE, isLetter, type Row, stored, textAt, type World } from "./state.ts";

/*
 * Workers and the reconciler. Each statement of a worker is one step, with that statement's fence. The lease is a flag. It is
 * cleared when its worker dies, or by the fault "lose lease": then the worker goes on until a fenced write or a heartbeat
 * fails. A real worker would also stop by its own clock; that is left out, because the fences must suffice.
 */
export function workerSteps(context: Context, world: World): void {
  for (let turn = 0; turn < world.rows.length; turn++) reconcile(context, world, turn);
  for (let index = 0; index < world.workers.length; index++) {
    if (world.workers[index]!.turn >= 0) work(context, world, index);
  }
  const { late } = world;
  if (late) {
    const row = world.rows[late.turn]!;
    const fenced = row.attempt === late.attempt && row.status === "r";
    const stale = context.rules.lateWritesRefused && row.seq > late.seq;
    const after = fenced && !stale ? withRow(world, late.turn, { seq: late.seq }) : world;
    context.emit(`the late commit (seq ${late.seq}) arrives in Postgres`, { ...after, late: null });
  }
  if (world.orphanEnd) {
    const end = world.orphanEnd;
    append(context, { ...world, orphanEnd: "" }, end, "the reconciler");
  }
}

/** A turn that no worker holds is claimed or ended. */
export function reconcile(context: Context, world: World, turn: number): void {
  const row = world.rows[turn]!;
  if (turn > 0 && !hasEnded(world.rows[turn - 1]!)) return;
  const orphaned = row.status === "r" && !row.lease;
  const exhausted = orphaned && row.crashes + 1 >= context.scope.maxCrashes;
  if (row.status === "q" || (orphaned && !exhausted)) claim(context, world, turn, orphaned);
  // The grace period of a cancel, 5 s, may be over at any moment.
  else if (row.status === "x" || exhausted) endFor(context, world, turn, row.status === "x" ? "-" : "#");
}

function claim(context: Context, world: World, turn: number, orphaned: boolean): void {
  const row = world.rows[turn]!;
  const index = world.workers.findIndex((worker) => worker.turn < 0);
  if (index < 0) return;
  const attempt = row.attempt + 1;
  const after = withRow(world, turn, {
    status: "r",
    attempt,
    seq: 0,
    draft: context.rules.claimResetsText ? "" : row.draft,
    lease: true,
    crashes: row.crashes + (orphaned ? 1 : 0),
    produced: [...row.produced, { base: row.done, start: row.next, frames: "*" }],
  });
  context.emit(
    `a worker claims turn ${turn + 1} as attempt ${attempt}`,
    withWorker(after, index, { turn, attempt, sent: 0 }),
  );
}

/** Ends a turn whose worker is dead or does not react. Its stored text stays. */
function endFor(context: Context, world: World, turn: number, end: "-" | "#"): void {
  const row = world.rows[turn]!;
  const takes = context.rules.endTakesAttempt;
  const attempt = row.attempt + (takes ? 1 : 0);
  const seq = takes ? 1 : row.seq + 1;
  const produced = takes ? [...row.produced, { base: stored(row), start: 0, frames: end }] : row.produced;
  const after = withRow(world, turn, {
    status: end,
    attempt,
    seq,
    done: stored(row),
    draft: "",
    lease: false,
    produced,
  });
  context.emit(`the reconciler ends turn ${turn + 1} (${end})`, {
    ...after,
    orphanEnd: `${epochName(context.rules, turn, attempt)}${seq}${end}`,
  });
}

function work(context: Context, world: World, index: number): void {
  const { turn, attempt, sent } = world.workers[index]!;
  const row = world.rows[turn]!;
  const epoch = row.produced[attempt - 1]!;
  const numbered = epoch.frames.length;
  const last = epoch.frames[numbered - 1]!;
  const over = "!-#".includes(last);
  const holds = row.attempt === attempt && row.status === "r";
  const who = `attempt ${attempt} of turn ${turn + 1}`;
  const mayAppend = row.attempt === attempt && (row.status === "r" || row.status === "x");
  const endsEarly = last === "!" && row.attempt === attempt && row.status === "r";

  if (sent < numbered) {
    const frame = `${epochName(context.rules, turn, attempt)}${sent + 1}${epoch.frames[sent]}`;
    append(context, withWorker(world, index, { sent: sent + 1 }), frame, who, index);
  }
  if (endsEarly)
    context.emit(
      `${who} commits the end that it numbered before`,
      commit(world, turn, { status: "!", lease: false }, numbered),
    );
  else if (!over && !mayAppend) {
    // A heartbeat or a refused write shows that the turn is lost.
    context.emit(`${who} stops`, withWorker(world, index, IDLE));
  }
  if (isLetter(last)) saveDraft(context, world, turn, attempt, numbered, who);
  if (over || numbered - sent > context.scope.lead) return;
  const kind = context.scope.scripts[turn]![epoch.start + numbered - 1]!;
  if (isLetter(kind)) {
    if (mayAppend) context.emit(`${who} numbers a delta`, number(world, turn, attempt, letterOf(kind, attempt)));
  } else if (holds && kind === "+") {
    const next = epoch.start + numbered;
    const after = commit(number(world, turn, attempt, "+"), turn, { next }, numbered + 1);
    context.emit(`${who} commits a step`, after);
    lateCommit(context, after, { turn, attempt, seq: numbered + 1 });
  } else if (holds) {
    const ended = number(world, turn, attempt, "!");
    if (!context.rules.commitBeforePublishingTheEnd) context.emit(`${who} numbers its end before the commit`, ended);
    else context.emit(`${who} commits its end`, commit(ended, turn, { status: "!", lease: false }, numbered + 1));
  } else if (row.attempt === attempt && row.status === "x") {
    const cancelled = commit(number(world, turn, attempt, "-"), turn, { status: "-", lease: false }, numbered + 1);
    context.emit(`${who} ends as cancelled`, cancelled);
  }
}

function saveDraft(context: Context, world: World, turn: number, attempt: number, seq: number, who: string): void {
  const row = world.rows[turn]!;
  const fenced = row.attempt === attempt || !context.rules.fencedDrafts;
  if (!fenced || row.status !== "r" || row.seq >= seq) return;
  const draft = textAt(row, attempt, seq).slice(row.done.length);
  const saved = context.rules.draftsWithNumber ? { draft, seq } : { draft };
  context.emit(`${who} saves a draft`, withRow(world, turn, saved));
}

function number(world: World, turn: number, attempt: number, kind: string): World {
  const produced = world.rows[turn]!.produced.map((epoch, i) =>
    i === attempt - 1 ? { ...epoch, frames: epoch.frames + kind } : epoch,
  );
  return withRow(world, turn, { produced });
}

/** All text so far becomes committed text. */
function commit(world: World, turn: number, change: Partial<Row>, seq: number): World {
  const row = world.rows[turn]!;
  return withRow(world, turn, { ...change, done: textAt(row, row.attempt, seq), draft: "", seq });
}

function lateCommit(context: Context, after: World, late: NonNullable<World["late"]>): void {
  if (after.late) return;
  const label = "the step's commit is retried, and its first copy is still on its way";
  fault(context, after, "late write", label, () => ({ ...after, late }));
}

/** Each attempt has its own letters. */
function letterOf(letter: string, attempt: number): string {
  if (attempt === 1) return letter;
  if (attempt === 2) return letter.toUpperCase();
  return String.fromCharCode(letter.charCodeAt(0) + 0x350 + 26 * (attempt - 3));
}
