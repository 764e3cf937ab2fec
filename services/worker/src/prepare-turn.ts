import { DeadlineExceeded, isUnder, withDeadline } from "@boocode/runtime";
import { type ClaimedTurn, type Pool, readTurnMessages } from "@boocode/store";
import type { ModelServers } from "./model/model-servers.ts";
import { readEarlierTurns } from "./read-earlier-turns.ts";
import { openProjectRoot, type ProjectRoot } from "./tools/root/project-root.ts";
import { buildTurn } from "./turn/build-turn.ts";
import type { RunTool, ToolOffer } from "./turn/ports.ts";
import { type BudgetSettings, budgetFor } from "./turn/prompt-budget.ts";
import { recentCut, recentUsage, recentWindow } from "./turn/recent-calls.ts";
import { resumePoint } from "./turn/resume-point.ts";
import type { TurnDeps, TurnInput } from "./turn/run-turn.ts";
import { systemPrompt } from "./turn/system-prompt.ts";

/** Everything that a turn needs before its first model call. */
export interface PreparedTurn {
  deps: TurnDeps;
  input: TurnInput;
  /** The place of the first message that this attempt writes. */
  position: number;
  close(): Promise<void>;
}

/** The project's folder is gone, or is no longer under an allowed root. */
export class ProjectUnavailable extends Error {
  override name = "ProjectUnavailable";
}

export interface PrepareTurnDeps {
  pool: Pool;
  projectRoots: readonly string[];
  models: ModelServers;
  runToolIn(root: ProjectRoot): RunTool;
  tools: ToolOffer[];
  maxDepth: number;
  budget: BudgetSettings;
  /** Of earlier turns no more characters are read than these, however large the window. */
  historyCharacters: number;
}

/** Reads from a database that may be away for a moment, again and again for as long as the turn is held. */
export type PersistentRead = <T>(what: string, read: () => Promise<T>) => Promise<T>;

/** A folder on a network disk that is gone answers never, and each try would hold another of Node's few threads. */
const OPEN_MS = 10_000;

/**
 * Only the database is asked again: a folder that cannot be opened ends the turn, and models have their own patience.
 * @returns null when the session is gone. @throws ProjectUnavailable
 */
export async function prepareTurn(
  deps: PrepareTurnDeps,
  turn: ClaimedTurn,
  read: PersistentRead,
): Promise<PreparedTurn | null> {
  const { setting, recent_calls: calls } = turn;
  if (!setting) return null;
  const model = await deps.models.resolve(setting.model);
  const window = (await deps.models.window(model)) ?? recentWindow(calls, model);
  const usage = recentUsage(calls, model);
  const budget = budgetFor(deps.budget, window, usage, null);
  const { cut, turnsDropped } = recentCut(calls, model, budget.window);
  const history = { cut, turnsDropped, limit: budget.limit, most: deps.historyCharacters };
  const replayReasoning = deps.models.replaysReasoning(model);
  const opening = openInTime(setting.projectPath, deps.projectRoots);
  const readMessages = () =>
    Promise.all([readTurnMessages(deps.pool, turn.id), readEarlierTurns(deps.pool, turn, history, replayReasoning)]);
  const [root, [committed, { earlier, unread }]] = await Promise.all([
    opening,
    read("prepare-turn", readMessages),
  ]).catch(async (error: unknown) => {
    await opening.then(
      (opened) => opened.close(),
      () => {},
    );
    throw error;
  });
  return {
    deps: {
      streamReply: deps.models.streamReply,
      runTool: deps.runToolIn(root),
      tools: deps.tools,
      maxDepth: deps.maxDepth,
      budget: deps.budget,
    },
    input: {
      model,
      system: systemPrompt({ name: setting.projectName, path: setting.projectPath }, deps.tools, setting.systemPrompt),
      earlier,
      unread,
      present: buildTurn(turn.ordinal, committed, replayReasoning),
      cut,
      window,
      usage,
      step: resumePoint(committed).step,
      replayReasoning,
    },
    position: resumePoint(committed).position,
    close: () => root.close(),
  };
}

/** @throws ProjectUnavailable; what opens later is closed again */
async function openInTime(path: string, projectRoots: readonly string[]): Promise<ProjectRoot> {
  const opening = openRoot(path, projectRoots);
  try {
    return await withDeadline(OPEN_MS, "opening the project's folder", opening);
  } catch (cause) {
    if (!(cause instanceof DeadlineExceeded)) throw cause;
    opening.then(
      (root) => root.close(),
      () => {},
    );
    throw new ProjectUnavailable("the project's folder does not answer", { cause });
  }
}

async function openRoot(path: string, projectRoots: readonly string[]): Promise<ProjectRoot> {
  const root = await openProjectRoot(path).catch((cause: unknown) => {
    throw new ProjectUnavailable("the project's folder cannot be opened", { cause });
  });
  // Checked on what was opened: the folder may have become a symlink since it was registered.
  if (await isUnder(root.real, projectRoots)) return root;
  await root.close();
  throw new ProjectUnavailable("the project's folder is not under an allowed root");
}
