import type { Citation } from "@boocode/contracts";
import { allowedFolders, type FolderSettings } from "@boocode/identity";
import { type OwnPaths, openProject, type ProjectFolder, type RunTool, type ToolOffer } from "@boocode/project-tools";
import type { ClaimedTurn, PlacedRow, Pool, TurnSetting } from "@boocode/store";
import type { ModelServers } from "../model/model-servers.ts";
import { buildTurn } from "../turn/conversation-turn.ts";
import { NO_CUT } from "../turn/fit-context.ts";
import { type BudgetSettings, budgetFor } from "../turn/prompt-budget.ts";
import { recentCount, recentCut, recentWindow } from "../turn/recent-calls.ts";
import type { TurnDeps, TurnInput } from "../turn/run-turn.ts";
import { systemPrompt } from "../turn/system-prompt.ts";
import { readHistory } from "./read-history.ts";
import type { TurnStore } from "./turn-store.ts";

/** Everything that a turn needs before its first model call. */
export interface PreparedTurn {
  deps: TurnDeps;
  input: TurnInput;
  /** The first message that this attempt writes has this position within the turn. */
  position: number;
  /** Checks what an answer of this turn cites; null when that failed or took too long. Never rejects. */
  checkCitations(answer: string): Promise<Citation[] | null>;
  close(): Promise<void>;
}

export interface PrepareTurnDeps {
  pool: Pool;
  folders: FolderSettings;
  own: OwnPaths;
  models: ModelServers;
  runToolIn(project: ProjectFolder): RunTool;
  checkCitationsIn(project: ProjectFolder): (answer: string) => Promise<Citation[] | null>;
  tools: ToolOffer[];
  maxDepth: number;
  budget: BudgetSettings;
  /** The most characters of earlier turns that are read, however large the model's context window. */
  historyCharacters: number;
}

/**
 * Reads and opens what a turn needs. Only the database reads are retried here: a folder that cannot be opened fails the turn,
 * and model servers have retries of their own.
 * @returns null when the session was deleted
 * @throws ProjectUnavailable, ModelNotAllowed
 */
export async function prepareTurn(
  deps: PrepareTurnDeps,
  turn: ClaimedTurn,
  read: TurnStore["read"],
): Promise<PreparedTurn | null> {
  const { setting } = turn;
  if (!setting) return null;
  // Beside the reads: the model call waits for both.
  const opening = openProject(
    { kind: "path", path: setting.projectPath },
    { allowed: () => allowedFolders(deps.folders, setting.owner), own: deps.own },
  );
  const [project, conversation] = await Promise.all([opening, readConversation(deps, turn, setting, read)]).catch(
    async (error: unknown) => {
      await opening.then(
        (opened) => opened.close(),
        () => {},
      );
      throw error;
    },
  );
  const { present, ...found } = conversation;
  const { step, position } = resumePoint(present);
  return {
    deps: {
      streamReply: deps.models.streamReply,
      runTool: deps.runToolIn(project.folder),
      tools: deps.tools,
      maxDepth: deps.maxDepth,
      budget: deps.budget,
    },
    input: {
      ...found,
      system: systemPrompt({ name: setting.projectName, path: setting.projectPath }, deps.tools, setting.systemPrompt),
      present: buildTurn(turn.ordinal, present, found.replayReasoning),
      step,
    },
    position,
    checkCitations: deps.checkCitationsIn(project.folder),
    close: () => project.close(),
  };
}

/** Reads what is known of the model, and as much of the conversation as its window can take. @throws ModelNotAllowed */
async function readConversation(
  deps: Pick<PrepareTurnDeps, "pool" | "models" | "budget" | "historyCharacters">,
  turn: ClaimedTurn,
  setting: TurnSetting,
  read: TurnStore["read"],
) {
  const calls = turn.recent_calls;
  const model = await deps.models.resolve(setting.model, setting.askerRole);
  const window = (await deps.models.window(model)) ?? recentWindow(calls, model);
  const counted = recentCount(calls, model);
  const budget = budgetFor(deps.budget, window, counted, 0, null);
  const { cut, turnsDropped, hadAll, mayRestore } = recentCut(calls, model, budget.window);
  const from = mayRestore ? { cut: NO_CUT, turnsDropped: 0, hadAll } : { cut, turnsDropped, hadAll };
  const limits = { ...from, limit: budget.limit, most: deps.historyCharacters };
  const replayReasoning = deps.models.replaysReasoning(model);
  const history = await read("prepare-turn", () => readHistory(deps.pool, turn, limits, replayReasoning));
  return { ...history, model, cut, mayRestore, window, counted, replayReasoning };
}

/** An attempt resumes after the last committed step, which the turn's committed messages show. */
function resumePoint(committed: readonly PlacedRow[]): { step: number; position: number } {
  const steps = committed.filter(({ role }) => role === "assistant").length;
  const last = committed.reduce((highest, { position }) => Math.max(highest, position), 0);
  return { step: steps, position: last + 1 };
}
