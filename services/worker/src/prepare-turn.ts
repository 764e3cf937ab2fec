import type { Message } from "@boocode/contracts";
import { isUnder } from "@boocode/runtime";
import { type ClaimedTurn, type Pool, readTurnMessages, readTurnSetting, readTurnsBefore } from "@boocode/store";
import { openProjectRoot, type ProjectRoot } from "./tools/project-root.ts";
import { buildMessages } from "./turn/build-messages.ts";
import type { RunTool, StreamReply, ToolOffer } from "./turn/ports.ts";
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
  streamReply: StreamReply;
  runToolIn(root: ProjectRoot): RunTool;
  tools: ToolOffer[];
  maxDepth: number;
  /** For sessions that name no model; null leaves the choice to the server. */
  defaultModel(): Promise<string | null>;
  /** Earlier turns are sent as long as their text stays below so many characters. */
  historyCharacters: number;
}

/** Turns that are read from the database at a time, from the end of the conversation backwards. */
const PAGE = 20;

/** @returns null when the session is gone. @throws ProjectUnavailable */
export async function prepareTurn(deps: PrepareTurnDeps, turn: ClaimedTurn): Promise<PreparedTurn | null> {
  const setting = await readTurnSetting(deps.pool, turn.session_id);
  if (!setting) return null;
  const committed = await readTurnMessages(deps.pool, turn.id);
  const earlier = await readEarlier(deps, turn);
  const root = await openRoot(setting.projectPath, deps.projectRoots);
  return {
    deps: {
      streamReply: deps.streamReply,
      runTool: deps.runToolIn(root),
      tools: deps.tools,
      maxDepth: deps.maxDepth,
    },
    input: {
      model: setting.model ?? (await deps.defaultModel()),
      system: systemPrompt({ name: setting.projectName, path: setting.projectPath }, setting.systemPrompt),
      messages: buildMessages([...earlier, ...committed]),
      step: resumePoint(committed).step,
    },
    position: resumePoint(committed).position,
    close: () => root.close(),
  };
}

/** Whole turns from the newest backwards, for as long as they fit: a request costs what it sends. */
async function readEarlier(deps: PrepareTurnDeps, turn: ClaimedTurn): Promise<Message[]> {
  const chosen: Message[][] = [];
  let room = deps.historyCharacters;
  for (let before = turn.ordinal; ; ) {
    const page = await readTurnsBefore(deps.pool, turn.session_id, before, PAGE);
    for (const rows of page) {
      room -= rows.reduce((sum, row) => sum + row.content.length + JSON.stringify(row.tool_calls ?? "").length, 0);
      if (room < 0) return chosen.reverse().flat();
      chosen.push(rows);
    }
    const oldest = page.at(-1)?.[0];
    if (!oldest || page.length < PAGE) return chosen.reverse().flat();
    before = oldest.turn_ordinal;
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
