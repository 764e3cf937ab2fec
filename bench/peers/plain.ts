import { randomUUID } from "node:crypto";
import { startRedis } from "@boocode/backing-services";
import { startProgram } from "../programs.ts";
import { openSocket } from "./open-socket.ts";
import type { Peer } from "./peer.ts";
import { postJson } from "./post-json.ts";

/** See plain-server.ts. */
export async function startPlain(modelUrl: string): Promise<Peer> {
  const redis = await startRedis({ keep: false, order: ["installed", "extracted", "apt", "container"] });
  const { port, password } = new URL(redis.url);
  const env = { REDIS_PORT: port, REDIS_PASSWORD: password, MODEL_URL: modelUrl };
  const roles = ["api", "worker", "gateway"];
  const programs = await Promise.all(roles.map((ROLE) => startProgram("peers/plain-server.ts", { ...env, ROLE })));
  const [api, , gateway] = programs.map(({ hello }) => Number(hello.port));
  return {
    name: "plain",
    services: programs.map(({ pid }) => pid),
    stores: redis.pid === undefined ? [] : [redis.pid],
    async stop() {
      await Promise.all(programs.map((program) => program.stop()));
      await redis.stop();
    },
    async openSession(_user, heard) {
      const id = randomUUID();
      const socket = { url: `ws://127.0.0.1:${gateway}/${id}`, headers: {} };
      const close = await openSocket(socket, (text, atUs) => {
        if (text.startsWith('{"type":"done"')) heard.ended(null);
        else heard.text(text, atUs);
      });
      return {
        socket,
        close,
        ask: (content) => postJson(`http://127.0.0.1:${api}/sessions/${id}/messages`, { content }),
      };
    },
  };
}
