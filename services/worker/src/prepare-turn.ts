import { isUnder } from "@boocode/runtime";
import { type ClaimedTurn, type Pool, readTurnMessages } from "@boocode/store";
import type { ModelServers } from "./model/model-servers.ts";
import { readEarlierTurns } from "./read-earlier-turns.ts";
import { openProjectRoot, type ProjectRoot } from "./tools/project-root.ts";
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

/** @returns null when the session is gone. @throws ProjectUnavailable */
export async function prepareTurn(deps: PrepareTurnDeps, turn: ClaimedTurn): Promise<PreparedTurn | null> {
  const { setting, recent_calls: calls } = turn;
  if (!setting) return null;
  const model = await deps.models.resolve(setting.model);
  const window = (await deps.models.window(model)) ?? recentWindow(calls, model);
  const usage = recentUsage(calls, model);
  const budget = budgetFor(deps.budget, window, usage, null);
  const { cut, turnsDropped } = recentCut(calls, model, budget.window);
  const history = { cut, turnsDropped, limit: budget.limit, most: deps.historyCharacters };
  const replayReasoning = deps.models.replaysReasoning(model);
  const opening = openRoot(setting.projectPath, deps.projectRoots);
  const [root, committed, { earlier, unread }] = await Promise.all([
    opening,
    readTurnMessages(deps.pool, turn.id),
    readEarlierTurns(deps.pool, turn, history, replayReasoning),
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
      system: systemPrompt({ name: setting.projectName, path: setting.projectPath }, setting.systemPrompt),
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

async function openRoot(path: string, projectRoots: readonly string[]): Promise<ProjectRoot> {
  const root = await openProjectRoot(path).catch((cause: unknown) => {
    throw new ProjectUnavailable("the project's folder cannot be opened", { cause });
  });
  // Checked on what was opened: the folder may have become a symlink since it was registered.
  if (await isUnder(root.real, projectRoots)) return root;
  await root.close();
  throw new ProjectUnavailable("the project's folder is not under an allowed root");
}
