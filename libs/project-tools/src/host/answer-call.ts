import type { ToolCall } from "@boocode/contracts";
import { failedCall } from "../failed-call.ts";
import type { FromToolProcess, ToolSettings } from "../pool/messages.ts";
import type { ProjectFolder } from "../project/open-folder.ts";
import { FolderReplaced, type ProjectRoot } from "../project/project-root.ts";
import { createRunTool } from "../run-tool.ts";

const REPLACED =
  "the project's folder was moved or replaced while the turn ran; it cannot be read any more in this turn";
/** Calls end with their process. */
const NEVER = new AbortController().signal;

type Answer = Exclude<FromToolProcess, "ready">;

/** Returns a function that runs one call in a project. */
export function answerCall(
  { limits, search }: Pick<ToolSettings, "limits" | "search">,
  openRoot: (folder: ProjectFolder) => Promise<ProjectRoot>,
) {
  return async (folder: ProjectFolder, call: ToolCall): Promise<Answer> => {
    let defect: Answer["defect"] = null;
    const onDefect = (error: unknown) => {
      const { message, stack } = error instanceof Error ? error : new Error(String(error));
      defect = { message, stack };
    };
    try {
      const root = await openRoot(folder);
      return { outcome: await createRunTool({ root, limits, search, onDefect })(call, NEVER), defect };
    } catch (error) {
      if (!(error instanceof FolderReplaced)) onDefect(error);
      return { outcome: failedCall(call, REPLACED), defect };
    }
  };
}
