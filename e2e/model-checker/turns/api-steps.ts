// PURE
import { type Context, fault, write } from "./context.ts";
import { hasEnded, isActive, newTurn, type Post, type World } from "./state.ts";

/*
 * Posts, cancels and deletions. A transaction is one step: it locks the session's row, and an advisory lock serializes posts
 * with the same key. The wake-up, which is best effort, comes between the commit and the answer.
 */
export function apiSteps(context: Context, world: World): void {
  world.posts.forEach((post, index) => {
    postSteps(context, world, post, index);
  });
  if (world.cancels > 0) cancel(context, world);
  if (world.deletes > 0) deleteMessages(context, world);
}

function postSteps(context: Context, world: World, post: Post, index: number): void {
  const at = (state: World, change: Partial<Post>): World => ({
    ...state,
    posts: state.posts.map((one, i) => (i === index ? { ...one, ...change } : one)),
  });
  const name = `API ${index + 1}`;
  const again = { stage: "unsent", turn: -1 } as const;
  if (post.stage === "unsent" && !context.rules.answerAfterCommit) {
    context.emit(`${name} answers the post of ${post.key}`, at(world, { stage: "promised" }));
  } else if (post.stage === "unsent" || post.stage === "promised") {
    const known = context.rules.keyRow ? world.turns.findIndex((turn) => turn.key === post.key) : -1;
    const turn = known >= 0 ? known : world.turns.length;
    const turns = known >= 0 ? world.turns : [...world.turns, newTurn(post.key)];
    context.emit(`${name} commits the post of ${post.key}`, at({ ...world, turns }, { stage: "committed", turn }));
  }
  if (post.stage === "promised") {
    // A client does not retry a post that was answered.
    fault(context, world, "kill api", `${name} is killed`, () => at(world, { stage: "answered", turn: -1 }));
  }
  if (post.stage === "committed") {
    const answered = at(world, { stage: "answered" });
    context.emit(`${name} wakes a worker and answers`, wake(context, answered, post.turn));
    fault(context, world, "kill api", `${name} is killed before it wakes a worker`, () => at(world, again));
    fault(context, world, "lose job", `${name} answers, and the job is lost`, () => answered);
    fault(context, world, "lose answer", `${name} wakes a worker, and its answer is lost`, () =>
      at(wake(context, world, post.turn), again),
    );
  }
}

/** Adds a job unless one with its id exists. A second job would change nothing, so only the fault "double job" adds one. */
export function wake({ rules }: Context, world: World, index: number): World {
  const turn = world.turns[index]!;
  if (turn.jobs > 0 || (turn.idTaken && !rules.freshJobIds)) return world;
  const turns = world.turns.slice();
  turns[index] = { ...turn, jobs: 1, idTaken: true };
  return { ...world, turns };
}

function cancel(context: Context, world: World): void {
  const running = world.turns.findIndex(isActive);
  const index = running >= 0 ? running : world.turns.findIndex(({ status }) => status === "q");
  // Without the compare-and-set the statement changes the turn that the API saw before, even if it has ended since.
  const late = context.rules.cancelCompares ? -1 : world.turns.findLastIndex(hasEnded);
  const target = index >= 0 ? index : late;
  if (target < 0) return;
  const cancelled = cancelTurn(context, world, target);
  context.emit(`the user cancels turn ${target + 1}`, { ...cancelled, cancels: world.cancels - 1 });
}

/** The compare-and-set that decides between the cancel and the turn's end. */
function cancelTurn({ rules }: Context, world: World, index: number): World {
  const { status, attempt } = world.turns[index]!;
  // A turn that an attempt began may have an unfinished message: the worker of the next attempt ends both.
  const begun = attempt > 0 && rules.withdrawEndsMessage;
  if (status === "q" && !begun) return write(world, index, { status: "-", cancelAccepted: true });
  if (status === "q") return write(world, index, { status: "x", cancelAccepted: true, lease: false });
  if (status === "r" || !rules.cancelCompares) return write(world, index, { status: "x", cancelAccepted: true });
  return world;
}

/** Deletes the messages of a turn that has begun and may be streaming. */
function deleteMessages(context: Context, world: World): void {
  const index = world.turns.findIndex((turn) => !turn.deleted && turn.attempt > 0 && !hasEnded(turn));
  if (index < 0) return;
  const deleted = write(world, index, { deleted: true });
  const cancelled = context.rules.deleteCancels ? cancelTurn(context, deleted, index) : deleted;
  context.emit(`the messages of turn ${index + 1} are deleted`, { ...cancelled, deletes: world.deletes - 1 });
}
