import { basename } from "node:path";
import { type Project, type Session, SessionFrame, type TurnAccepted } from "@boocode/contracts";

export interface Investigation {
  api: string;
  gateway: string;
  token: string;
  project: string;
  question: string | undefined;
}

const FIRST_QUESTION = "What is this project, and where does its main code start?";

/** Registers a code base, asks a question about it, and prints the investigation live. */
export async function investigate(say: (line: string) => void, asked: Investigation): Promise<void> {
  const headers = { authorization: `Bearer ${asked.token}`, "content-type": "application/json" };
  async function post<T>(path: string, body: object): Promise<T> {
    const answer = await fetch(asked.api + path, { method: "POST", headers, body: JSON.stringify(body) });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`POST ${path}: ${answer.status} ${text}`);
    return JSON.parse(text) as T;
  }

  const project = await post<Project>("/api/projects", { name: basename(asked.project), path: asked.project });
  const session = await post<Session>(`/api/projects/${project.id}/sessions`, {});
  const question = asked.question ?? FIRST_QUESTION;
  say(`Question: ${question}\n`);
  const events = await fetch(`${asked.gateway}/api/sessions/${session.id}/events?cursor=0.0.0.0`, { headers });
  if (!events.ok || !events.body) throw new Error(`the gateway answered ${events.status}`);
  const turn = await post<TurnAccepted>(`/api/sessions/${session.id}/messages`, { content: question });

  let rest = "";
  for await (const chunk of events.body.pipeThrough(new TextDecoderStream())) {
    const parts = (rest + chunk).split("\n\n");
    rest = parts.pop() ?? "";
    for (const part of parts) {
      const data = part.split("\n").find((line) => line.startsWith("data: "));
      if (!data) continue;
      const frame = SessionFrame.safeParse(JSON.parse(data.slice(6)));
      if (!frame.success) continue;
      show(say, frame.data);
      if (frame.data.type === "turn_finished" && frame.data.turn_id === turn.turn_id) {
        say(`\n\nThe conversation: ${asked.api}/api/sessions/${session.id}/messages`);
        return;
      }
    }
  }
}

function show(say: (line: string) => void, frame: SessionFrame): void {
  if (frame.type === "tool_call") say(`→ ${frame.tool_call.name} ${JSON.stringify(frame.tool_call.arguments)}`);
  else if (frame.type === "tool_result")
    say(`← ${frame.name}: ${frame.error ?? `${frame.output.split("\n").length} lines`}`);
  else if (frame.type === "delta") process.stdout.write(frame.content);
  else if (frame.type === "error") say(`error: ${frame.message}`);
}
