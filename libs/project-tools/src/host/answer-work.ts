import { TooMuchToCompare } from "../citations/find-move.ts";
import { judgeCitations } from "../citations/judge-citations.ts";
import { failedCall } from "../failed-call.ts";
import type { FromToolProcess, ToolSettings, Work, WorkAnswer } from "../pool/messages.ts";
import type { ProjectFolder } from "../project/open-folder.ts";
import { FolderReplaced, type ProjectRoot } from "../project/project-root.ts";
import { readTextFile } from "../project/read-text-file.ts";
import { answerRead } from "../reading/answer-read.ts";
import { createRunTool } from "../run-tool.ts";

const REPLACED =
  "the project's folder was moved or replaced while the turn ran; it cannot be read any more in this turn";
/** Work ends with its process. */
const NEVER = new AbortController().signal;

type Answer = Exclude<FromToolProcess, "ready">;

/** Returns a function that does one piece of work in a project. */
export function answerWork(
  { limits, search }: Pick<ToolSettings, "limits" | "search">,
  openRoot: (folder: ProjectFolder) => Promise<ProjectRoot>,
) {
  return async (folder: ProjectFolder, work: Work): Promise<Answer> => {
    let defect: Answer["defect"] = null;
    const onDefect = (error: unknown) => {
      const { message, stack } = error instanceof Error ? error : new Error(String(error));
      defect = { message, stack };
    };
    const answer = async (root: ProjectRoot): Promise<WorkAnswer> => {
      if ("call" in work) return { outcome: await createRunTool({ root, limits, search, onDefect })(work.call, NEVER) };
      if ("read" in work) return { read: await answerRead(work.read, { root, limits: search, signal: NEVER }) };
      const { cited, shown } = work.citations;
      return { judged: await judgeCitations(cited, shown, (path, wanted) => readTextFile(root, path, wanted)) };
    };
    try {
      return { ...(await answer(await openRoot(folder))), defect };
    } catch (error) {
      const isReplaced = error instanceof FolderReplaced;
      if (!(isReplaced || error instanceof TooMuchToCompare)) onDefect(error);
      return { ...unanswered(work, isReplaced), defect };
    }
  };
}

function unanswered(work: Work, isReplaced: boolean): WorkAnswer {
  if ("call" in work) return { outcome: failedCall(work.call, REPLACED) };
  return "read" in work ? { read: { refused: isReplaced ? "replaced" : "failed" } } : { judged: null };
}
