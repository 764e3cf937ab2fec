import { createRequire } from "node:module";

// Required by its path, so that the printed command works in any folder.
const ws = createRequire(import.meta.url).resolve("ws");

/** Prints the URLs, the token, and example commands. */
export function printWelcome(
  say: (line: string) => void,
  stack: {
    api: string;
    gateway: string;
    token: string;
    logFile: string;
    folders: string[];
    model: string;
    how: { postgres: string; redis: string };
  },
): void {
  const project = JSON.stringify({ name: "boocode", path: stack.folders.at(-1) });
  const socket = `${stack.gateway.replace(/^http/, "ws")}/api/ws/user`;
  say(`
BooCode is running.

  API       ${stack.api}   (documentation: ${stack.api}/docs)
  Gateway   ${stack.gateway}
  Model     ${stack.model}
  Postgres  ${stack.how.postgres}
  Redis     ${stack.how.redis}
  Projects  in ${stack.folders.join(", ") || "no folder yet"}
  Log       ${stack.logFile}
  Token     ${stack.token}

Make a project:

  curl -s ${stack.api}/api/projects -H "authorization: Bearer ${stack.token}" \\
    -H "content-type: application/json" -d '${project}'

Watch your lists on a WebSocket:

  node -e 'new (require("${ws}"))("${socket}", { headers: { authorization: "Bearer ${stack.token}" } }).on("message", (frame) => console.log(String(frame)))'

Make another user: npm run admin -- user add NAME, and give it a folder: npm run admin -- root grant NAME PATH

Or watch an investigation: npm start -- --project PATH [--ask "QUESTION"]. Ctrl-C stops everything.
`);
}
