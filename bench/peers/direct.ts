import { request } from "node:http";
import { nowUs } from "../stamp.ts";
import type { Peer } from "./peer.ts";
import { agent } from "./post-json.ts";

/** The client asks the model itself: the floor that this machine, the model and the load generator set. */
export async function startDirect(modelUrl: string): Promise<Peer> {
  return {
    name: "direct",
    services: [],
    stores: [],
    async stop() {},
    async openSession(_user, heard) {
      return {
        socket: null,
        close() {},
        ask: (content) =>
          new Promise((resolve, reject) => {
            const headers = { "content-type": "application/json" };
            const sent = request(`${modelUrl}/v1/chat/completions`, { method: "POST", agent, headers });
            sent.on("error", reject).on("response", (response) => {
              response.setEncoding("latin1");
              let rest = "";
              response.on("data", (part: string) => {
                const at = nowUs();
                const whole = (rest + part).lastIndexOf("\n") + 1;
                heard.text((rest + part).slice(0, whole), at);
                rest = (rest + part).slice(whole);
              });
              response.on("end", () => heard.ended(null)).on("error", (error) => heard.ended(error.message));
              resolve();
            });
            sent.end(JSON.stringify({ model: "bench", stream: true, messages: [{ role: "user", content }] }));
          }),
      };
    },
  };
}
