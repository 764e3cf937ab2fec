// PURE
import type { Scope } from "./rules.ts";
import { hasEnded, isActive, type Turn, type World } from "./state.ts";

/** Checks T1 to T12 as far as a state shows them. @returns the broken invariant */
export function brokenInvariant(scope: Scope, world: World): string | null {
  if (world.wrong) return world.wrong;
  if (world.turns.filter(isActive).length > 1) return "T7 two turns of one session are active";
  for (const [index, turn] of world.turns.entries()) {
    const broken = brokenTurn(scope, turn);
    if (broken) return `${broken} (turn ${index + 1})`;
  }
  for (const post of world.posts) {
    if (post.stage === "answered" && !world.turns[post.turn])
      return `T8 the post of ${post.key} was answered and does not exist`;
    if (world.turns.filter((turn) => turn.key === post.key).length > 1) return `T6 ${post.key} was posted twice`;
  }
  return null;
}

function brokenTurn(scope: Scope, turn: Turn): string | null {
  // Its invariants were checked when it ended.
  if (turn.forgotten) return null;
  if (turn.draft !== 0 && turn.status === "r" && turn.draft !== turn.attempt) {
    return `T4 attempt ${turn.attempt} runs with the draft of attempt ${turn.draft}`;
  }
  if (turn.crashes > scope.maxCrashes) return `T5 ${turn.crashes} attempts crashed`;
  if (turn.attempt > 1 + turn.crashes + turn.releases + turn.ends) return `T5 attempt ${turn.attempt} without a crash`;
  if (turn.crashes + turn.releases > turn.attempt - turn.ends) return "T5 more crashes and releases than attempts";
  if (turn.status === "#" && turn.crashes < scope.maxCrashes) return "T5 failed with attempts left";
  if (!hasEnded(turn)) return null;
  if (turn.streaming) return "T3 it has ended, and its message is streaming";
  if (turn.status === "!" && turn.steps < scope.steps) return "T3 it is complete without all its steps";
  if (turn.status === "!" && turn.answer !== turn.attempt) return `T4 the answer is attempt ${turn.answer}'s`;
  if (turn.cancelAccepted && turn.status !== "-") return `T12 its cancel was accepted, and it ended as ${turn.status}`;
  return null;
}

/** Checks T9 in a state whose only steps are faults. */
export function notEnded(world: World): string | null {
  const index = world.turns.findIndex((turn) => !hasEnded(turn));
  if (index >= 0) return `T9 turn ${index + 1} stays ${world.turns[index]!.status} for ever`;
  const post = world.posts.find(({ stage }) => stage !== "answered");
  return post ? `T9 the post of ${post.key} has no answer` : null;
}
